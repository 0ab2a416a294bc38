#include "spool/move.h"

#include <utility>
#include <vector>

#include "spool/log.h"
#include "spool/slots.h"
#include "spool/writer.h"

namespace momento {

namespace {

// What is appended and released together: it bounds the duplicates of a crash, and memory.
constexpr size_t batch_records = 256;
constexpr size_t batch_bytes = 4u << 20;

RecordBuffer make_event(const Record& record) {
    Record event = record;
    event.origin = Origin::redrive;
    return RecordBuffer::from(event);
}

// Takes a slot's events one after the other, with its writer, which releases them.
class SlotMove {
  public:
    SlotMove(std::unique_ptr<Slot> slot, std::string destination, Tails& tails,
             const SpoolTools& tools)
        : destination_(std::move(destination)),
          tails_(tails),
          tools_(tools),
          log_(std::make_shared<Log>([] {}, [] {})) {
        auto settings = std::make_shared<SpoolSettings>();
        WriterTools writer_tools;
        writer_tools.clock = tools.clock;
        writer_tools.random = tools.random;
        writer_tools.logger = tools.logger;
        writer_tools.observer = tools.observer;
        writer_ =
            std::make_unique<Writer>(log_, settings, nullptr, std::move(slot), writer_tools);
    }
    void add(const Record& record, Position end) {
        if (!status_) return;
        events_.push_back(make_event(record));
        releases_.push_back({record.sequence, end, Resolution::requeued});
        bytes_ += events_.back().size();
        if (events_.size() >= batch_records || bytes_ >= batch_bytes) status_ = flush();
    }

    Status finish() {
        if (status_) status_ = flush();
        writer_->finish();
        return status_;
    }

    uint64_t moved() const { return moved_; }

  private:
    Status flush() {
        if (events_.empty()) return {};
        Status status = tails_.append(destination_, std::exchange(events_, {}));
        if (!status) return status;
        observe(tools_.observer, steps::moved_appended);

        moved_ += releases_.size();
        bytes_ = 0;
        log_->release(std::exchange(releases_, {}));
        while (writer_->step()) {
        }
        observe(tools_.observer, steps::moved_released);
        return {};
    }

    const std::string destination_;
    Tails& tails_;
    const SpoolTools& tools_;
    std::shared_ptr<Log> log_;
    std::unique_ptr<Writer> writer_;

    std::vector<RecordBuffer> events_;
    std::vector<Release> releases_;
    size_t bytes_ = 0;
    uint64_t moved_ = 0;
    Status status_;
};

}  // namespace

Status move_events(const std::string& spool, const std::string& from, const std::string& to,
                   Tails& tails, const SpoolTools& tools, MoveReport* report) {
    Slots slots(spool, from, *tools.files, *tools.random, *tools.logger);
    for (;;) {
        auto slot = slots.adopt();
        if (!slot) return slot.error();
        if (!*slot) break;

        SlotPlace place{from, (*slot)->name, (*slot)->directory};
        SlotMove move(std::move(*slot), to, tails, tools);
        auto read = read_slot(
            place, [&](const Record& record, Position end) { move.add(record, end); });
        Status finished = move.finish();
        report->moved += move.moved();
        if (!read) return read.error();
        if (!finished) return finished;
    }

    auto places = find_slots(*tools.files, spool, from);
    if (!places) return places.error();
    for (const SlotPlace& place : *places) {
        auto read = read_slot(place, [](const Record&, Position) {});
        if (!read) return read.error();
        report->in_use += read->pending;
    }
    return {};
}

}  // namespace momento
