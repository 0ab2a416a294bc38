#include "spool/writer.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "spool/appender.h"
#include "spool/cursor_file.h"
#include "spool/marks.h"
#include "spool/planted.h"
#include "spool/segment_scan.h"
#include "spool/segment_store.h"

namespace momento {

namespace {

constexpr int64_t second_us = 1'000'000;

// Something that is tried at most once a second.
class Pace {
  public:
    bool due(int64_t now_us) {
        if (now_us < next_us_) return false;
        next_us_ = now_us + second_us;
        return true;
    }
    void at_once() { next_us_ = INT64_MIN; }

  private:
    int64_t next_us_ = INT64_MIN;
};

}  // namespace

class Writer::Impl {
  public:
    Impl(std::shared_ptr<Log> log, std::shared_ptr<const SpoolSettings> settings,
         std::shared_ptr<Slots> slots, std::unique_ptr<Slot> slot, WriterTools tools)
        : log_(std::move(log)),
          settings_(std::move(settings)),
          slots_(std::move(slots)),
          slot_(std::move(slot)),
          tools_(tools) {}

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
        write_cursor();
        worked = keep_house() || worked;
        publish();
        return worked;
    }

    void finish() {
        if (finished_) return;
        step();
        finished_ = true;
        if (!appender_) return;
        appender_->flush();
        apply_releases();
        publish();
        cursor_changed_ = cursor_changed_ || appended_;
        fresh_cursor_pace_.at_once();
        write_cursor();
        sync_cursor();
        observe(tools_.observer, steps::finished);
        cursor_file_.reset();
        slot_.reset();
    }

  private:
    // --- mail

    bool take_mail() {
        log_->appends_.take(batches_);
        log_->releases_.take(posted_releases_);
        log_->requeues_.take(posted_requeues_);
        for (std::vector<Release>& releases : posted_releases_) {
            releases_.insert(releases_.end(), releases.begin(), releases.end());
        }
        for (std::vector<Requeue>& requeues : posted_requeues_) {
            std::move(requeues.begin(), requeues.end(), std::back_inserter(requeues_));
        }
        return !batches_.empty() || !posted_releases_.empty() || !posted_requeues_.empty();
    }

    // --- opening

    void open() {
        if (!slot_) {
            if (!open_pace_.due(tools_.clock->steady_us())) return;
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
        failing_to_open_ = false;

        RecoveredSlot found = std::exchange(slot_->found, {});
        store_ = std::make_unique<SegmentStore>(slot_->directory, settings_, *tools_.random,
                                                tools_.observer, found);
        store_->set_aside(found.unreadable);
        appender_ = std::make_unique<Appender>(*store_, settings_, tools_, slot_->destination,
                                               slot_->name, found);
        cursor_ = Cursor(found.cursor);
        for (const LogSegment& segment : appender_->segments()) note_segment(segment.extent);
        cursor_file_.emplace(slot_->directory, tools_.observer);
        found_ = cursor_.state().totals;
        recovered_ = found_.pending();
        if (found.tail_lost && recovered_ > 0) appender_->need_tail();
        sync_recovered_tail();

        {
            std::lock_guard lock(log_->mutex_);
            log_->directory_ = slot_->directory;
            log_->opened_at_ = std::make_shared<const CursorState>(cursor_.state());
        }
        observe(tools_.observer, steps::slot_opened);
    }

    // What the last owner wrote may stand in the page cache only. It is given out and its
    // end is vouched for, so it is made durable first, as far as that is possible.
    void sync_recovered_tail() {
        if (appender_->segments().empty()) return;
        std::string name = segment_file_name(appender_->segments().back().extent.segment);
        auto file = slot_->directory->open(name, Directory::Mode::write);
        Status synced = file ? (*file)->sync() : Status(file.error());
        if (!synced) tools_.logger->write(Severity::alert, synced.error().text);
        observe(tools_.observer, steps::tail_synced_at_opening);
    }

    void note_segment(const Extent& extent) {
        noted_segment_ = extent.segment;
        cursor_.note_segment(extent.first_sequence, {extent.segment, segment_header_size});
    }

    // --- records

    void store() {
        jobs_.clear();
        // First: it makes room in a full log.
        for (Requeue& requeue : requeues_) jobs_.push_back({&requeue.record, true, 0});
        for (AppendBatch& batch : batches_) {
            for (RecordBuffer& record : batch.records) {
                jobs_.push_back({&record, batch.may_use_reserve, 0});
            }
        }
        if (jobs_.empty()) return;
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

    void note_appended() {
        const std::deque<LogSegment>& segments = appender_->segments();
        size_t fresh = segments.size();
        while (fresh > 0 && segments[fresh - 1].extent.segment > noted_segment_) --fresh;
        for (; fresh < segments.size(); ++fresh) note_segment(segments[fresh].extent);
        uint64_t last = appender_->next_sequence() - 1;
        appended_ = appended_ || last > cursor_.state().totals.last_sequence;
        cursor_.note_appended(last, appender_->take_redriven());
    }

    // Says what became of each batch, in order: jobs_ holds the batches' records, or nothing
    // if none could be stored.
    void settle() {
        size_t job = 0;
        for (AppendBatch& batch : batches_) {
            size_t count = batch.records.size();
            size_t settled = 0;
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

        const uint64_t base = cursor_.state().base_sequence;
        std::vector<Release> beyond;
        for (const Release& release : releases_) {
            if (!cursor_.release(release)) beyond.push_back(release);
        }
        if (beyond.size() < releases_.size()) cursor_changed_ = true;
        releases_.swap(beyond);
        // Somebody may stand at the window's edge.
        wake_reader_ = wake_reader_ || (cursor_.state().base_sequence != base &&
                                        appender_->next_sequence() > base + cursor_window);
        observe(tools_.observer, steps::releases_applied);
    }

    // What momentoctl marked while this process had the slot (marks.h).
    void apply_marks() {
        auto marks = read_marks(*slot_->directory, &marks_read_);
        if (!marks) {
            if (!std::exchange(marks_failed_, true)) {
                tools_.logger->write(Severity::error, marks.error().text);
            }
            return;
        }
        marks_failed_ = false;
        for (const Mark& mark : *marks) {
            Resolution resolution =
                mark.kind == MarkKind::redriven ? Resolution::delivered : Resolution::dead;
            releases_.push_back({mark.sequence, {}, resolution});
        }
    }

    // --- the cursor's file

    void write_cursor() {
        if (!cursor_changed_) return;
        Status written;
        if (cursor_file_->usable()) {
            written = cursor_file_->write(cursor_.next_generation());
        } else if (fresh_cursor_pace_.due(tools_.clock->steady_us())) {
            written = cursor_file_->make(cursor_.next_generation());
        } else {
            return;
        }
        cursor_changed_ = !written;
        if (!written) complain_of_cursor(written.error());
    }

    void sync_cursor() {
        if (!cursor_file_->usable()) return;
        if (Status synced = cursor_file_->sync(); !synced) {
            cursor_changed_ = true;
            complain_of_cursor(synced.error());
        }
    }

    void complain_of_cursor(const Error& error) {
        tools_.logger->write(Severity::alert,
                             "what was delivered cannot be noted, it will be "
                             "delivered again after a restart: " +
                                 error.text);
    }

    // --- housekeeping: a small piece at a time

    bool keep_house() {
        const int64_t now = tools_.clock->steady_us();
        appender_->upkeep();
        note_appended();
        apply_releases();
        if (second_pace_.due(now)) {
            if (slot_->destination == dead_letter_directory) apply_marks();
            cursor_changed_ = cursor_changed_ || std::exchange(appended_, false);
            write_cursor();
            sync_cursor();
            find_oldest_pending();
        }
        return recycle() || prepare_spare();
    }

    // The oldest segment, if all of it is released and will not be needed.
    bool recycle() {
        const std::deque<LogSegment>& segments = appender_->segments();
        if (segments.empty()) return false;
        const LogSegment oldest = segments.front();
        uint64_t behind = 0;  // the sequence behind its last one
        if (segments.size() > 1) {
            behind = segments[1].extent.first_sequence;
        } else if (!appender_->has_tail()) {
            behind = appender_->next_sequence();
        } else {
            return false;
        }
        if (cursor_.state().base_sequence < behind) return false;
        if (oldest.newest_publish_ms + settings_->retain_ms > tools_.clock->wall_ms() &&
            settings_->retain_ms > 0) {
            return false;
        }
        if (!recycle_pace_.due(tools_.clock->steady_us())) return false;

        if (cursor_file_->durable_base() < behind &&
            !planted(Bug::cursor_unsynced_at_recycling)) {
            sync_cursor();
            if (cursor_file_->durable_base() < behind) return false;
        }
        bool keep = appender_->has_tail() && !oldest.poisoned;
        Status recycled = store_->recycle(oldest.extent.segment, oldest.size, keep);
        if (!recycled) {
            tools_.logger->write(Severity::error, recycled.error().text);
            return false;
        }
        appender_->drop_oldest();
        recycle_pace_.at_once();
        return true;
    }

    bool prepare_spare() {
        if (!appender_->has_tail() || !spare_pace_.due(tools_.clock->steady_us())) return false;
        Result<bool> made = store_->prepare();
        if (made && *made) {
            spare_pace_.at_once();
            return true;
        }
        if (!made && !std::exchange(spare_failed_, true)) {
            tools_.logger->write(Severity::warn,
                                 "no segment can be made ahead: " + made.error().text);
        }
        if (made) spare_failed_ = false;
        return false;
    }

    // For the metric; a glance at the base record, whose place may be a little before it.
    void find_oldest_pending() {
        const CursorState& state = cursor_.state();
        if (state.totals.pending() == 0) {
            oldest_pending_ms_ = 0;
            oldest_sequence_ = 0;
            return;
        }
        if (oldest_sequence_ == state.base_sequence) return;
        oldest_pending_ms_ = 0;
        constexpr int most_records = 1000;
        for (const LogSegment& segment : appender_->segments()) {
            const Extent& extent = segment.extent;
            if (extent.segment < state.base.segment) continue;
            auto file = slot_->directory->open(segment_file_name(extent.segment),
                                               Directory::Mode::read);
            if (!file) return;
            bool is_base = extent.segment == state.base.segment;
            SegmentScan scan(std::move(*file), extent.salt,
                             is_base ? state.base.offset : segment_header_size);
            Record record;
            for (int i = 0; i < most_records; ++i) {
                auto found = scan.look(extent.end, record);
                if (!found || *found != SegmentScan::Found::record) break;
                if (record.sequence >= state.base_sequence) {
                    oldest_pending_ms_ = record.accepted_ms;
                    oldest_sequence_ = state.base_sequence;
                    return;
                }
                scan.move_to(scan.offset() + record.encoded_size());
            }
            return;
        }
    }

    // --- what others see

    void publish() {
        LogNumbers numbers;
        numbers.limit = settings_->size;
        numbers.failing = failing_to_open_;
        if (!appender_) {
            std::lock_guard lock(log_->mutex_);
            log_->numbers_ = numbers;
            return;
        }
        numbers.totals = cursor_.state().totals;
        numbers.recovered = recovered_;
        numbers.bytes = store_->bytes();
        numbers.poisoned = appender_->poisoned();
        numbers.failing = appender_->failing();
        numbers.full = appender_->full();
        numbers.oldest_pending_ms = oldest_pending_ms_;

        if (tools_.publish && slot_) tools_.publish(slot_->name, found_, numbers);

        bool extents_changed = appender_->version() != published_version_;
        bool base_moved = cursor_.state().base_sequence != log_->base_sequence();
        published_version_ = appender_->version();
        log_->base_sequence_.store(cursor_.state().base_sequence, std::memory_order_release);
        {
            std::lock_guard lock(log_->mutex_);
            log_->numbers_ = numbers;
            if (extents_changed) publish_extents(log_->extents_);
        }
        if (extents_changed || base_moved) {
            log_->version_.fetch_add(1, std::memory_order_acq_rel);
        }
        if (extents_changed) observe(tools_.observer, steps::records_published);
        if ((extents_changed || std::exchange(wake_reader_, false)) && log_->wake_reader_) {
            log_->wake_reader_();
        }
    }

    void publish_extents(std::vector<Extent>& extents) const {
        const std::deque<LogSegment>& segments = appender_->segments();
        if (!segments.empty() && extents.size() == segments.size() &&
            extents.back().segment == segments.back().extent.segment) {
            extents.back() = segments.back().extent;  // all that can have changed
            return;
        }
        extents.clear();
        for (const LogSegment& segment : segments) extents.push_back(segment.extent);
    }

    const std::shared_ptr<Log> log_;
    const std::shared_ptr<const SpoolSettings> settings_;
    const std::shared_ptr<Slots> slots_;
    std::unique_ptr<Slot> slot_;
    const WriterTools tools_;

    // From opening on.
    std::unique_ptr<SegmentStore> store_;
    std::unique_ptr<Appender> appender_;
    Cursor cursor_;
    std::optional<CursorFile> cursor_file_;
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
    std::vector<Requeue> requeues_;  // not stored yet
    std::deque<Requeued> requeued_;  // stored, perhaps not synced yet
    std::vector<Release> releases_;  // not applied yet, or beyond the window
    std::vector<PendingRecord> jobs_;

    bool cursor_changed_ = false;  // by releases
    bool appended_ = false;        // since the cursor was written
    Pace open_pace_;
    Pace second_pace_;
    Pace fresh_cursor_pace_;
    Pace recycle_pace_;
    Pace spare_pace_;
    bool spare_failed_ = false;
    uint64_t marks_read_ = 0;
    bool marks_failed_ = false;

    uint64_t published_version_ = 0;
    bool wake_reader_ = false;
    int64_t oldest_pending_ms_ = 0;
    uint64_t oldest_sequence_ = 0;  // whose accept time that is
};

Writer::Writer(std::shared_ptr<Log> log, std::shared_ptr<const SpoolSettings> settings,
               std::shared_ptr<Slots> slots, std::unique_ptr<Slot> slot, WriterTools tools)
    : impl_(std::make_unique<Impl>(std::move(log), std::move(settings), std::move(slots),
                                   std::move(slot), tools)) {}

Writer::~Writer() = default;

bool Writer::step() {
    return impl_->step();
}

void Writer::finish() {
    impl_->finish();
}

}  // namespace momento
