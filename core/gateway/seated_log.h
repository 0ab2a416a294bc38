// A log and the seat of its writer. The writer sits down with the first post: a log that
// nobody uses costs no thread and no file.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "gateway/engine.h"
#include "spool/log.h"
#include "spool/slots.h"
#include "spool/writer.h"

namespace momento {

class SeatedLog {
  public:
    // Without a slot the writer claims one. `metrics`: see WriterTools; may be null.
    SeatedLog(std::shared_ptr<const SpoolSettings> settings, std::shared_ptr<Slots> slots,
              std::unique_ptr<Slot> slot, const EngineTools& tools,
              DestinationMetrics* metrics);

    const std::shared_ptr<Log>& log() const { return log_; }

    void wake();  // from any thread

    // From any thread, now and then. A post wakes the writer only if its box was empty: one for
    // whom there was no thread, or no memory, is asked for again.
    void insist();
    void retire() { seat_->retire(); }

  private:
    const std::shared_ptr<const SpoolSettings> settings_;
    const std::shared_ptr<Slots> slots_;
    std::unique_ptr<Slot> slot_;
    WriterTools tools_;
    const std::unique_ptr<WriterSeat> seat_;
    std::once_flag seated_;
    std::atomic<bool> is_wanted_{false};
    std::shared_ptr<Log> log_;
};

}  // namespace momento
