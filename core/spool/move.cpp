#include "spool/move.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "spool/log.h"
#include "spool/reader.h"
#include "spool/slots.h"
#include "spool/writer.h"

namespace momento {

namespace {

// What is appended and released together: it bounds the duplicates of a crash, and memory.
constexpr size_t move_batch_records = 256;
constexpr size_t move_batch_bytes = 4u << 20;

RecordBuffer moved_event(const Record& record) {
    Record event = record;
    event.origin = Origin::redrive;
    return RecordBuffer::from(event);
}

constexpr int most_idle_steps = 100;  // of a log that gives nothing, though it should

// Takes a slot's events one after the other, as delivery does: its writer releases them,
// and what the disk has lost is released as damaged.
class SlotMove {
  public:
    SlotMove(std::unique_ptr<Slot> slot, std::string destination, Tails& tails,
             const SpoolTools& tools)
        : destination_(std::move(destination)),
          tails_(tails),
          tools_(tools),
          log_(std::make_shared<Log>([] {}, [] {})),
          reader_(log_, *tools.logger, *tools.clock) {
        auto settings = std::make_shared<SpoolSettings>();
        WriterTools writer_tools;
        writer_tools.clock = tools.clock;
        writer_tools.random = tools.random;
        writer_tools.logger = tools.logger;
        writer_tools.observer = tools.observer;
        writer_ =
            std::make_unique<Writer>(log_, settings, nullptr, std::move(slot), writer_tools);
    }

    Status run() {
        Status moved = move_all();
        writer_->finish();
        return moved;
    }

    uint64_t moved() const { return moved_; }

    // run() has failed for where events go to, and not for where they are.
    bool cannot_append() const { return cannot_append_; }

  private:
    uint64_t pending() const { return log_->numbers().totals.pending(); }

    Status move_all() {
        writer_->step();  // opens the slot
        for (int idle = 0; pending() > 0; ++idle) {
            if (idle > most_idle_steps) {
                return Error{std::to_string(pending()) +
                             " events cannot be read now, try again when its disk works"};
            }
            if (reader_.read(move_batch_records, move_batch_bytes, records_, releases_)) {
                if (Status status = move_batch(); !status) return status;
                idle = 0;
            }
            writer_->step();
        }
        return {};
    }

    Status move_batch() {
        std::vector<RecordBuffer> events;
        for (const ReadRecord& read : records_) {
            events.push_back(moved_event(read.record));
            releases_.push_back(
                {read.record.sequence, read.end, Resolution::requeued, read.record.origin});
        }
        records_.clear();
        const size_t count = events.size();
        if (count > 0) {
            Status status = tails_.append(destination_, std::move(events));
            cannot_append_ = !status;
            if (!status) return status;
            observe(tools_.observer, steps::moved_appended);
        }
        moved_ += count;
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
    Reader reader_;

    std::vector<ReadRecord> records_;
    std::vector<Release> releases_;
    uint64_t moved_ = 0;
    bool cannot_append_ = false;
};

}  // namespace

Status move_events(const std::string& spool, const std::string& from, const std::string& to,
                   Tails& tails, const SpoolTools& tools, MoveReport* report) {
    std::set<std::string> tried;
    std::set<std::string> failed;
    Slots slots(spool, from, *tools.files, *tools.random, *tools.logger,
                [&failed](const std::string& slot) { return failed.count(slot) > 0; });
    const auto tell = [&](const std::string& slot, const std::string& what) {
        tools.logger->write(Severity::error, "slot \"" + slot + "\": " + what);
    };
    for (;;) {
        auto slot = slots.adopt();
        if (!slot) return slot.error();
        if (!*slot) break;
        const std::string name = (*slot)->name;
        if (!tried.insert(name).second) {
            tell(name,
                 "that its events were moved cannot be noted, they would be moved again: try "
                 "when its disk works");
            failed.insert(name);
            continue;
        }

        SlotMove move(std::move(*slot), to, tails, tools);
        Status status = move.run();
        report->moved += move.moved();
        if (status) continue;
        if (move.cannot_append()) return status;
        tell(name, status.error().text);
        failed.insert(name);
    }

    auto places = find_slots(*tools.files, spool, from);
    if (!places) return places.error();
    for (const SlotPlace& place : *places) {
        auto lock = place.directory->try_lock(slot_lock_file);
        const bool in_use = lock && !*lock;
        auto read = read_slot(place, [](const Record&, Position) {});
        // What adopt() could not open it has told of.
        if (!read && in_use) tell(place.slot, read.error().text);
        if (read && in_use) report->in_use += read->pending;
        const bool is_whole = read && !read->foreign && read->unreadable == 0;
        if (!is_whole || (!in_use && read->pending > 0)) ++report->failed;
    }
    return {};
}

}  // namespace momento
