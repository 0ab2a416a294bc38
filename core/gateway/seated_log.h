// A log and the seat of its writer. The writer sits down with the first post: a log that
// nobody uses costs no thread and no file.
//
// Whoever has the log has its seat: what is posted to it wakes somebody who is still there,
// however long ago its writer has retired. The writer has the log, and a seat its writer until
// that has finished: so one that has sat down must retire() in the end.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "gateway/engine.h"
#include "spool/log.h"
#include "spool/slots.h"
#include "spool/writer.h"

namespace momento {

class SeatedLog final : public Log, public std::enable_shared_from_this<SeatedLog> {
  public:
    // Without a slot the writer claims one; one that is given is drained only. `metrics`: see
    // WriterTools; may be null.
    static std::shared_ptr<SeatedLog> make(std::shared_ptr<const SpoolSettings> settings,
                                           std::shared_ptr<Slots> slots,
                                           std::unique_ptr<Slot> slot, const EngineTools& tools,
                                           DestinationMetrics* metrics);

    void wake();  // from any thread

    // Begins with this slot if it has not begun with another one. From any thread.
    bool begin_with(std::unique_ptr<Slot>& slot);

    // From any thread, now and then. A post wakes the writer only if its box was empty: one for
    // whom there was no thread, or no memory, is asked for again.
    void insist();
    void retire() { seat_->retire(); }

    // EngineTools::set_aside, for the slot it has, if it has one. From any thread; does not
    // throw.
    void set_aside() const;

  private:
    SeatedLog(std::shared_ptr<const SpoolSettings> settings, std::shared_ptr<Slots> slots,
              std::unique_ptr<Slot> slot, const EngineTools& tools,
              DestinationMetrics* metrics);
    void sit(std::unique_ptr<Slot> slot);

    void note_slot(const std::string& name);

    const std::shared_ptr<const SpoolSettings> settings_;
    const std::shared_ptr<Slots> slots_;
    std::unique_ptr<Slot> slot_;
    WriterTools tools_;
    const std::unique_ptr<WriterSeat> seat_;
    std::atomic<bool> has_slot_name_{false};
    std::string slot_name_;  // written once, before it is said to be there
    std::once_flag seated_;
    std::atomic<bool> is_wanted_{false};
};

// Tells the table of the destination's slots, if there is one. `is_adopted`: nobody appends
// there.
SlotPublisher make_publisher(const EngineTools& tools, const std::string& destination,
                             bool is_adopted);

}  // namespace momento
