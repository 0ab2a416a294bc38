#include "spool/writer.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "spool/appender.h"
#include "spool/cursor_keeper.h"
#include "spool/leftovers.h"
#include "spool/letter_marks.h"
#include "spool/oldest_pending.h"
#include "spool/pace.h"
#include "spool/recycler.h"
#include "spool/segment_store.h"
#include "spool/waiting_slot.h"

namespace momento {

class Writer::Impl {
  public:
    Impl(std::shared_ptr<Log> log, std::shared_ptr<const SpoolSettings> settings,
         std::shared_ptr<Slots> slots, std::unique_ptr<Slot> slot, WriterTools tools)
        : log_(std::move(log)),
          settings_(std::move(settings)),
          slots_(std::move(slots)),
          slot_(std::move(slot)),
          tools_(tools) {
        // Letters are read by several, and what a person decided of them stands in their slot.
        const std::string& destination = slot_ ? slot_->destination : slots_->destination();
        const bool may_part = destination != dead_letter_directory;
        log_->unread_reach_.store(may_part ? settings_->unread_reach : UINT64_MAX,
                                  std::memory_order_relaxed);
    }

    bool step() {
        bool worked = take_mail();
        bool wanted = !batches_.empty() || slot_ || failing_to_open_;
        if (wanted && !appender_ && !finished_) open();
        if (!appender_ || finished_) {
            settle();
            publish();
            return worked;
        }
        store();
        apply_releases();
        publish();
        settle();
        wake_reader();
        part_with_unread();
        cursor_->write();
        worked = keep_house() || worked;
        publish();
        wake_reader();
        return worked;
    }

    void set_aside() const {
        if (slot_ && tools_.set_aside) tools_.set_aside(slot_->destination, slot_->name);
    }

    void finish() {
        if (finished_) return;
        step();
        finished_ = true;
        if (!appender_) return;
        appender_->flush();
        apply_releases();
        publish();
        wake_reader();
        sync_cursor();
        observe(tools_.observer, steps::finished);
        waiting_slots_.clear();
        slot_.reset();
    }

  private:
    // --- mail

    bool take_mail() {
        log_->appends_.take(batches_);
        log_->releases_.take(posted_releases_);
        log_->requeues_.take(posted_requeues_);
        log_->unread_.take(unread_);
        for (std::vector<Release>& releases : posted_releases_) {
            releases_.insert(releases_.end(), releases.begin(), releases.end());
        }
        for (std::vector<Requeue>& requeues : posted_requeues_) {
            std::move(requeues.begin(), requeues.end(), std::back_inserter(requeues_));
        }
        return !batches_.empty() || !posted_releases_.empty() || !posted_requeues_.empty() ||
               !unread_.empty();
    }

    // --- opening

    void open() {
        const bool paced = !slot_ || failing_to_open_;
        if (paced && !open_pace_.due(tools_.clock->steady_us())) return;
        if (!slot_) {
            auto claimed = slots_->claim();
            if (!claimed) {
                failing_to_open_ = true;
                tools_.logger->write(Severity::alert, "nothing can be stored for \"" +
                                                          slots_->destination() +
                                                          "\": " + claimed.error().text);
                return;
            }
            slot_ = std::move(*claimed);
        }
        if (is_for_letters() && !marks_) marks_.emplace(slot_->directory, *tools_.logger);
        failing_to_open_ =
            !remove_second_names() || (marks_ && !marks_->skip_marked(slot_->found));
        if (failing_to_open_) return;

        RecoveredSlot found = std::exchange(slot_->found, {});
        if (tools_.only_drains) {
            Status given_back = give_back_spares(*slot_->directory, found);
            if (!given_back) tools_.logger->write(Severity::error, given_back.error().text);
        }
        store_ = std::make_unique<SegmentStore>(slot_->directory, settings_, *tools_.random,
                                                tools_.observer, found);
        for (const std::string& what : store_->set_aside(found.damaged)) {
            tools_.logger->write(Severity::alert, "slot \"" + slot_->destination + '/' +
                                                      slot_->name + "\": " + what);
        }
        // What a letter is of is released for it: no power failure may leave the one on disk
        // and not the other.
        const SyncMode sync = is_for_letters() ? SyncMode::always : settings_->sync;
        for (const BadFile& bad : found.unreadable) {
            tools_.logger->write(Severity::alert,
                                 "slot \"" + slot_->destination + '/' + slot_->name + "\": \"" +
                                     bad.file.name +
                                     "\" cannot be read, and is left as it is: " + bad.what);
        }
        appender_ = std::make_unique<Appender>(*store_, settings_, sync, tools_,
                                               slot_->destination, slot_->name, found);
        cursor_ = std::make_unique<CursorKeeper>(
            found.cursor, found.noted_sequence, slot_->directory, *tools_.clock, *tools_.logger,
            tools_.observer, tools_.metrics);
        recycler_.emplace(*store_, *appender_, *cursor_, *settings_, *tools_.clock,
                          *tools_.logger, use());
        for (const LogSegment& segment : appender_->segments()) note_segment(segment.extent);
        found_ = cursor_->state().totals;
        recovered_ = found_.pending();
        if (found.tail_lost && recovered_ > 0) appender_->need_tail();
        keep_recovered_tail(found);
        recycler_->make_room();

        if (marks_) {
            // Before anybody reads what a person has dealt with already.
            marks_->release_marked(releases_);
            apply_releases();
        }
        log_->publish_slot(slot_->directory, cursor_->state());
        observe(tools_.observer, steps::slot_opened);
    }

    // A file that is a segment must not be taken for a spare, now or by whoever comes next.
    bool remove_second_names() {
        std::vector<std::string>& names = slot_->found.second_names;
        if (names.empty()) return true;
        Status done;
        for (const std::string& name : names) {
            Status removed = slot_->directory->remove(name);
            if (!removed && removed.error().code != ENOENT) done = removed;
        }
        if (done) done = slot_->directory->sync();
        if (!done) tools_.logger->write(Severity::alert, done.error().text);
        if (done) names.clear();
        return static_cast<bool>(done);
    }

    // What the last owner wrote may stand in the page cache only. It is given out and its
    // end is vouched for, so it is made durable first, as far as that is possible. What a
    // failure costs of it readers learn from the segment that comes next.
    void keep_recovered_tail(const RecoveredSlot& found) {
        if (appender_->segments().empty()) return;
        std::string name = segment_file_name(appender_->segments().back().extent.segment);
        auto file = slot_->directory->open(name, Directory::Mode::write);
        Status synced = file ? (*file)->sync() : Status(file.error());
        if (!synced) {
            tools_.logger->write(Severity::alert, synced.error().text);
            if (recovered_ > 0) appender_->need_tail();
        } else if (found.tail_clean && !found.tail_lost && store_->is_own(name)) {
            appender_->keep_tail(std::move(*file));
        }
        observe(tools_.observer, steps::tail_synced_at_opening);
    }

    void note_segment(const Extent& extent) {
        noted_segment_ = extent.segment;
        cursor_->note_segment(extent.first_sequence, {extent.segment, segment_header_size});
    }

    // --- records

    void store() {
        jobs_.clear();
        // First: it makes room in a full log.
        for (Requeue& requeue : requeues_) {
            // Nothing gives space back before the base moves.
            bool is_base = requeue.old.sequence == cursor_->state().base_sequence;
            jobs_.push_back({&requeue.record, is_base ? Room::beyond : Room::reserve, 0});
        }
        for (AppendBatch& batch : batches_) {
            for (RecordBuffer& record : batch.records) {
                jobs_.push_back(
                    {&record, batch.may_use_reserve ? Room::reserve : Room::bound, 0});
            }
        }
        if (jobs_.empty()) return;
        resume_tail();
        appender_->append(jobs_);
        note_appended();

        size_t kept = 0;
        for (size_t i = 0; i < requeues_.size(); ++i) {
            if (jobs_[i].sequence != 0) {
                requeued_.push_back({jobs_[i].sequence, requeues_[i].old});
            } else {
                if (kept != i) requeues_[kept] = std::move(requeues_[i]);
                ++kept;
            }
        }
        jobs_.erase(jobs_.begin(), jobs_.begin() + static_cast<ptrdiff_t>(requeues_.size()));
        requeues_.resize(kept);
    }

    // Before the first record. Others may remember this slot as drained: they must see that
    // it is used again, also if this process dies at once.
    void resume_tail() {
        if (!appender_->may_go_on()) return;
        if (cursor_->renew()) {
            appender_->go_on();
        } else {
            appender_->give_up_found_tail();
        }
    }

    void note_appended() {
        const std::deque<LogSegment>& segments = appender_->segments();
        size_t fresh = segments.size();
        while (fresh > 0 && segments[fresh - 1].extent.segment > noted_segment_) --fresh;
        for (; fresh < segments.size(); ++fresh) note_segment(segments[fresh].extent);
        cursor_->note_appended(appender_->next_sequence() - 1, appender_->take_redriven());
    }

    // Says what became of each batch, in order: jobs_ holds the batches' records, or nothing
    // if none could be stored.
    void settle() {
        size_t job = 0;
        for (AppendBatch& batch : batches_) {
            size_t count = batch.records.size();
            size_t settled = 0;
            if (batch.used != nullptr) batch.used->post(std::move(batch.records));
            while (settled < count) {
                Settlement settlement;
                settlement.first_ticket = batch.first_ticket + settled;
                settlement.first_sequence = sequence_of(job + settled);
                settlement.durable = settlement.first_sequence != 0;
                do {
                    ++settlement.count;
                    ++settled;
                } while (settled < count &&
                         (sequence_of(job + settled) != 0) == settlement.durable);
                if (batch.reply != nullptr) batch.reply->post(settlement);
            }
            job += count;
        }
        if (!batches_.empty()) observe(tools_.observer, steps::records_settled);
        batches_.clear();
        jobs_.clear();
    }

    uint64_t sequence_of(size_t job) const {
        return job < jobs_.size() ? jobs_[job].sequence : 0;
    }

    // --- releases

    void apply_releases() {
        // What was requeued is released at its old place once it cannot be lost at its new.
        while (!requeued_.empty() &&
               requeued_.front().sequence < appender_->synced_sequence()) {
            releases_.push_back(requeued_.front().old);
            requeued_.pop_front();
        }
        if (releases_.empty()) return;

        const uint64_t base = cursor_->state().base_sequence;
        cursor_->release(releases_);
        // Somebody may stand at the window's edge.
        wake_reader_ = wake_reader_ || (cursor_->state().base_sequence != base &&
                                        appender_->next_sequence() > base + cursor_window);
        observe(tools_.observer, steps::releases_applied);
    }

    void part_with_unread() {
        for (const UnreadRecords& unread : unread_) log_->parted_.post(part_with(unread));
        if (unread_.empty()) return;
        unread_.clear();
        apply_releases();
        sync_cursor();
    }

    // Waiting slots are let go once what they hold is durably released here.
    void sync_cursor() {
        if (!cursor_->sync()) return;
        const auto is_released = [this](const WaitingSlot& waiting) {
            return cursor_->state().is_released(waiting.last_sequence);
        };
        waiting_slots_.erase(
            std::remove_if(waiting_slots_.begin(), waiting_slots_.end(), is_released),
            waiting_slots_.end());
    }

    // False: they stay.
    bool part_with(const UnreadRecords& unread) {
        WaitingRecords waiting;
        waiting.found = unread;
        for (const auto& [first, behind] : unread.sequences) {
            for (uint64_t each = first; each < behind; ++each) {
                if (!cursor_->state().is_released(each)) waiting.pending.push_back(each);
            }
        }
        if (waiting.pending.empty()) return true;
        // Their slot has what is on the disk, whatever becomes of this log. What is given up
        // for want of a sync is written again here: the reader looks again.
        appender_->flush();
        for (const LogSegment& segment : appender_->segments()) {
            if (segment.extent.segment != unread.segment) continue;
            if (unread.to > segment.extent.end) return false;
            waiting.newest_publish_ms = segment.newest_publish_ms;
        }
        const std::string records = std::to_string(waiting.pending.size()) + " records of \"" +
                                    slot_->destination + '/' + slot_->name +
                                    "\" that cannot be read now ";
        Result<WaitingSlot> made =
            make_waiting_slot(*slot_, waiting, tools_.clock->wall_ms(), *tools_.random);
        if (!made) {
            tools_.logger->write(Severity::alert, records +
                                                      "get no slot of their own, and keep "
                                                      "those behind them waiting: " +
                                                      made.error().text);
            return false;
        }
        observe(tools_.observer, steps::waiting_slot_made);
        tools_.logger->write(Severity::error,
                             records + "wait in slot \"" + made->name + "\" of their own");
        // Others stand between them: reading starts in front of all, if it has to.
        const Position place{unread.segment, unread.from};
        for (const uint64_t each : waiting.pending) {
            releases_.push_back({each, place, Resolution::requeued});
        }
        waiting_slots_.push_back(std::move(*made));
        return true;
    }

    // Letters come now and then: what they leave is given back to the disk.
    Recycler::Use use() const {
        if (tools_.only_drains) return Recycler::Use::drained;
        return is_for_letters() ? Recycler::Use::letters : Recycler::Use::events;
    }

    bool is_for_letters() const { return slot_->destination == dead_letter_directory; }

    // --- housekeeping: a small piece at a time

    bool keep_house() {
        const int64_t now = tools_.clock->steady_us();
        appender_->upkeep();
        note_appended();
        apply_releases();
        if (second_pace_.due(now)) {
            if (marks_) marks_->release_marked(releases_);
            sync_cursor();
            recycler_->make_room();
            oldest_pending_.look(*slot_->directory, appender_->segments(), cursor_->state());
        }
        return recycler_->step();
    }

    // --- what others see

    void publish() {
        LogNumbers numbers;
        numbers.limit = settings_->size;
        numbers.failing = failing_to_open_;
        if (!appender_) {
            log_->publish(numbers, 0, nullptr);
            return;
        }
        numbers.totals = cursor_->state().totals;
        numbers.recovered = recovered_;
        numbers.bytes = store_->bytes();
        numbers.fullness = store_->fullness(appender_->unwritten());
        numbers.poisoned = appender_->poisoned();
        // Once finished nobody appends here, whatever the last attempt came to.
        numbers.failing = !finished_ && appender_->failing();
        numbers.full = !finished_ && appender_->full();
        numbers.unreadable = log_->unreadable_.load(std::memory_order_relaxed);
        numbers.oldest_pending_ms = oldest_pending_.accepted_ms();
        numbers.let_go = finished_;

        if (tools_.publish && slot_) tools_.publish(slot_->name, found_, numbers);

        const uint64_t base = cursor_->state().base_sequence;
        bool changed = appender_->version() != std::exchange(published_, appender_->version());
        log_->publish(numbers, base, changed ? &appender_->segments() : nullptr);
        if (changed) observe(tools_.observer, steps::records_published);
        wake_reader_ = wake_reader_ || changed;
    }

    // Not with publish(): whoever waits for an answer comes before delivery.
    void wake_reader() {
        if (std::exchange(wake_reader_, false) && log_->wake_reader_) log_->wake_reader_();
    }

    const std::shared_ptr<Log> log_;
    const std::shared_ptr<const SpoolSettings> settings_;
    const std::shared_ptr<Slots> slots_;
    std::unique_ptr<Slot> slot_;
    const WriterTools tools_;

    // From opening on.
    std::unique_ptr<SegmentStore> store_;
    std::unique_ptr<Appender> appender_;
    std::unique_ptr<CursorKeeper> cursor_;
    std::optional<Recycler> recycler_;
    std::optional<LetterMarks> marks_;  // of a log of letters
    uint64_t noted_segment_ = 0;
    SlotTotals found_;
    uint64_t recovered_ = 0;
    bool failing_to_open_ = false;
    bool finished_ = false;

    // Mail, and what of it is not done yet. All vectors are kept for their capacity.
    struct Requeued {
        uint64_t sequence = 0;
        Release old;
    };
    std::vector<AppendBatch> batches_;
    std::vector<std::vector<Release>> posted_releases_;
    std::vector<std::vector<Requeue>> posted_requeues_;
    std::vector<UnreadRecords> unread_;
    std::vector<WaitingSlot> waiting_slots_;  // locked
    std::vector<Requeue> requeues_;           // not stored yet
    std::deque<Requeued> requeued_;           // stored, perhaps not synced yet
    std::vector<Release> releases_;           // not applied yet, or beyond the window
    std::vector<PendingRecord> jobs_;

    Pace open_pace_;
    Pace second_pace_;

    uint64_t published_ = 0;  // version of the segments
    bool wake_reader_ = false;
    OldestPending oldest_pending_;
};

Writer::Writer(std::shared_ptr<Log> log, std::shared_ptr<const SpoolSettings> settings,
               std::shared_ptr<Slots> slots, std::unique_ptr<Slot> slot, WriterTools tools)
    : impl_(std::make_unique<Impl>(std::move(log), std::move(settings), std::move(slots),
                                   std::move(slot), tools)) {}

Writer::~Writer() = default;

// Nobody shall take its slot before that is said, so it is said while it has the slot.
bool Writer::step() {
    try {
        return impl_->step();
    } catch (...) {
        impl_->set_aside();
        throw;
    }
}

void Writer::finish() {
    try {
        impl_->finish();
    } catch (...) {
        impl_->set_aside();
        throw;
    }
}

}  // namespace momento
