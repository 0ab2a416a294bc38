#include "spool/appender.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "spool/planted.h"

namespace momento {

namespace {

constexpr int64_t retry_interval_us = 1'000'000;
constexpr int64_t background_sync_us = 1'000'000;  // sync=os
constexpr uint64_t max_kept_bytes = 4u << 20;      // sync=os

}  // namespace

Appender::Appender(SegmentStore& store, std::shared_ptr<const SpoolSettings> settings,
                   SyncMode sync, const WriterTools& tools, std::string destination,
                   std::string slot, const RecoveredSlot& recovered)
    : store_(store),
      settings_(std::move(settings)),
      sync_(sync),
      tools_(tools),
      destination_(std::move(destination)),
      slot_(std::move(slot)),
      highest_number_(recovered.highest_number),
      next_sequence_(recovered.next_sequence) {
    for (const RecoveredSegment& segment : recovered.segments) {
        segments_.push_back(
            {segment.extent, segment.size, segment.newest_publish_ms, segment.unread});
    }
}

void Appender::keep_tail(std::unique_ptr<File> file) {
    const LogSegment& newest = segments_.back();
    const bool has_space = newest.size >= newest.extent.end + record_header_size;
    if (!has_space || newest.size > settings_->segment_size) return;
    found_tail_ = std::make_unique<Tail>();
    found_tail_->file = std::move(file);
    found_tail_->size = newest.size;
    found_tail_->synced_end = newest.extent.end;
}

void Appender::go_on() {
    tail_ = std::move(found_tail_);
    tail_->room = store_.room_taken();
    tail_extent().sealed = false;
    ++version_;
    observe(tools_.observer, steps::tail_resumed);
}

void Appender::append(std::vector<PendingRecord>& records) {
    bool failed_before = false;
    for (size_t i = 0; i < records.size();) {
        if (!make_room(records[i])) {
            ++i;
            continue;
        }
        size_t end = fill(records, i);
        if (store(records, i, end)) {
            i = end;
        } else if (!failed_before) {
            failed_before = true;  // once more, in a fresh segment
        } else {
            retry_us_.values.fill(now_us() + retry_interval_us);
            return;
        }
    }
}

uint64_t Appender::unwritten() const {
    return tail_ ? tail_->size - segments_.back().extent.end : 0;
}

// A tail with room for the record; false: it cannot be stored now.
bool Appender::make_room(const PendingRecord& record) {
    const uint64_t bytes = record.buffer->size();
    if (bytes > settings_->segment_size - segment_header_size) {
        complain(Severity::error, "a record of " + std::to_string(bytes) +
                                      " bytes does not fit into a segment of " +
                                      std::to_string(settings_->segment_size) +
                                      "; raise \"segment\" of momento_spool");
        return false;
    }
    // A fresh segment may be filled by what has to be written again: then one more.
    for (int segments = 0; segments < 2 && !tail_takes(record); ++segments) {
        if (!may_try(record.room) || !roll(bytes, record.room)) {
            refused_bytes_ = bytes;
            return false;
        }
    }
    return tail_takes(record);
}

bool Appender::tail_takes(const PendingRecord& record) const {
    if (!tail_) return false;
    if (record.room < tail_->room && !store_.reserve_ready()) return false;
    return segments_.back().extent.end + record.buffer->size() <= tail_->size;
}

// Seals as many records as the tail takes together; the index behind the last one.
size_t Appender::fill(std::vector<PendingRecord>& records, size_t first) {
    uint64_t end = tail_extent().end;
    size_t i = first;
    pieces_.clear();
    for (; i < records.size(); ++i) {
        RecordBuffer& buffer = *records[i].buffer;
        if (end + buffer.size() > tail_->size || !tail_takes(records[i])) break;
        buffer.seal(tail_extent().salt, next_sequence_ + (i - first), tail_->synced_end);
        pieces_.push_back(buffer.bytes());
        end += buffer.size();
    }
    return i;
}

bool Appender::store(std::vector<PendingRecord>& records, size_t first, size_t end) {
    const uint64_t start = tail_extent().end;
    if (!write(pieces_)) return false;
    // What would be too much to keep is synced instead.
    const uint64_t size = tail_extent().end - start;
    const bool is_kept = sync_ == SyncMode::os && kept_.size + size < max_kept_bytes;
    if (!is_kept && !sync()) return false;

    for (size_t i = first; i < end; ++i) {
        RecordBuffer& buffer = *records[i].buffer;
        records[i].sequence = next_sequence_++;
        if (buffer.origin() == Origin::redrive) ++redriven_;
        int64_t& newest = segments_.back().newest_publish_ms;
        newest = std::max(newest, buffer.publish_ms());
        if (records[i].room == Room::bound) full_ = false;
        if (is_kept) keep(buffer);
    }
    return true;
}

void Appender::keep(const RecordBuffer& record) {
    if (kept_.count == 0) next_sync_us_ = now_us() + background_sync_us;
    const size_t end = kept_.size + record.size();
    if (end > kept_.bytes.size()) kept_.bytes.grow(std::max(end, 2 * kept_.bytes.size()));
    std::memcpy(kept_.bytes.data() + kept_.size, record.bytes().data(), record.size());
    kept_.size = end;
    kept_.newest_publish_ms = std::max(kept_.newest_publish_ms, record.publish_ms());
    ++kept_.count;
}

bool Appender::write(const std::vector<std::string_view>& pieces) {
    uint64_t size = 0;
    for (std::string_view piece : pieces) size += piece.size();
    Status written = tail_->file->write_at(tail_extent().end, pieces.data(), pieces.size());
    if (!written) {
        poison(written.error());
        return false;
    }
    observe(tools_.observer, steps::records_written);
    tail_extent().end += size;
    ++version_;
    return true;
}

bool Appender::sync() {
    const int64_t start = now_us();
    Status synced = planted(Bug::sync_skipped) ? Status() : tail_->file->sync();
    if (!synced && planted(Bug::sync_repeated)) synced = tail_->file->sync();
    if (tools_.metrics != nullptr) {
        tools_.metrics->sync.observe(static_cast<uint64_t>(now_us() - start));
    }
    if (!synced) {
        poison(synced.error());
        return false;
    }
    observe(tools_.observer, steps::records_synced);
    tail_->synced_end = tail_extent().end;
    kept_ = {std::move(kept_.bytes)};  // the memory stays
    return true;
}

// The tail's content behind its last sync is unknown from here on, whatever can be read.
void Appender::poison(const Error& error) {
    tools_.logger->write(Severity::alert, "segment " + std::to_string(tail_extent().segment) +
                                              " of \"" + destination_ + "/" + slot_ +
                                              "\" is given up: " + error.text);
    ++poisoned_;
    segments_.back().poisoned = true;
    tail_extent().end = tail_->synced_end;
    tail_extent().sealed = true;
    tail_.reset();
    kept_homeless_ = kept_.count > 0;
    ++version_;
    // Tried again at once where there is something to store again; if that fails, later.
    failing_ = true;
    observe(tools_.observer, steps::segment_poisoned);
}

// Moves on to a fresh segment.
bool Appender::roll(uint64_t bytes, Room room) {
    // A fresh segment's header vouches for all of its predecessor.
    if (tail_ && kept_.count > 0) (void)sync();
    return open_segment(bytes, room);
}

bool Appender::open_segment(uint64_t bytes, Room room) {
    SegmentHeader header;
    header.number = ++highest_number_;
    header.first_sequence = synced_sequence();
    header.created_ms = tools_.clock->wall_ms();
    header.destination = destination_;
    header.slot = slot_;
    if (!segments_.empty()) {
        const LogSegment& before = segments_.back();
        header.predecessor = before.extent.segment;
        header.predecessor_salt = before.extent.salt;
        header.predecessor_first_sequence = before.extent.first_sequence;
        header.predecessor_end = before.extent.end;
        header.predecessor_newest_publish_ms = before.newest_publish_ms;
    }
    bytes = std::min(bytes + kept_.size, settings_->segment_size - segment_header_size);
    auto activated = store_.activate(header, bytes, room);
    if (!activated) {
        if (store_.may_turn_up()) end_tail();
        note_failure(activated.error(), room);
        return false;
    }

    end_tail();
    Extent extent;
    extent.segment = header.number;
    extent.end = segment_header_size;
    extent.salt = header.salt;
    extent.first_sequence = header.first_sequence;
    segments_.push_back({extent, activated->size, 0, false});
    tail_ = std::make_unique<Tail>();
    tail_->file = std::move(activated->file);
    tail_->size = activated->size;
    tail_->room = activated->from;
    tail_needed_ = false;
    failing_ = false;
    return !kept_homeless_ || rewrite_kept();
}

// Nothing is appended to it any more: a later segment's header says where it ends.
void Appender::end_tail() {
    if (!segments_.empty()) tail_extent().sealed = true;
    tail_.reset();
    found_tail_.reset();
    ++version_;
}

// sync=os: what was given up with the old tail, under the sequences it has already.
bool Appender::rewrite_kept() {
    uint64_t sequence = synced_sequence();
    for (size_t at = 0; at < kept_.size;) {
        at += seal_record(kept_.bytes.data() + at, tail_extent().salt, sequence++,
                          tail_->synced_end);
    }
    pieces_ = {kept_.bytes.view().substr(0, kept_.size)};
    int64_t& newest = segments_.back().newest_publish_ms;
    newest = std::max(newest, kept_.newest_publish_ms);
    kept_homeless_ = false;
    if (write(pieces_) && sync()) return true;
    note_failure({"what was written cannot be written again", EIO}, Room::beyond);
    return false;
}

void Appender::note_failure(const Error& error, Room room) {
    bool no_space = error.code == ENOSPC || error.code == EDQUOT;
    (no_space ? full_ : failing_) = true;
    for (const Room each_room : each<Room>()) {
        if (each_room <= room) retry_us_[each_room] = now_us() + retry_interval_us;
    }
    complain(no_space ? Severity::error : Severity::alert,
             "nothing can be stored: " + error.text + (no_space ? why_it_fills() : ""));
}

// In any process: they all deliver to one destination.
const char* Appender::why_it_fills() const {
    const auto is_so = [](const Gauge& gauge) {
        return std::any_of(gauge.parts.begin(), gauge.parts.end(),
                           [](const Counter& part) { return part != 0; });
    };
    if (tools_.metrics == nullptr) return "";
    if (is_so(tools_.metrics->held)) return "; its events are on hold, which is told of above";
    if (is_so(tools_.metrics->breaker_open)) return "; its destination cannot be reached";
    return "";
}

void Appender::complain(Severity severity, const std::string& what) {
    if (now_us() < next_complaint_us_) return;
    next_complaint_us_ = now_us() + retry_interval_us;
    tools_.logger->write(severity, "log \"" + destination_ + "/" + slot_ + "\": " + what);
}

bool Appender::may_try(Room room) const {
    return now_us() >= retry_us_[room];
}

void Appender::upkeep() {
    if (kept_.bytes.size() > 0 && now_us() >= next_sync_us_) {
        next_sync_us_ = now_us() + background_sync_us;
        const bool is_roomy = kept_.size < kept_.bytes.size() / 4;
        if (tail_ && kept_.count > 0) (void)sync();
        if (is_roomy && kept_.count == 0) kept_.bytes = {};  // a burst has needed it
    }
    // What was acknowledged has a right to be stored, and so have readers to be told what is
    // gone: nothing else would ever make room for them.
    bool entitled = kept_homeless_ || tail_needed_;
    Room room = entitled ? Room::beyond : Room::bound;
    if ((failing_ || entitled) && may_try(room)) roll(refused_bytes_, room);

    if (full_) {
        bool tail_has_room = tail_ && (tail_->room == Room::bound || store_.reserve_ready()) &&
                             tail_extent().end + refused_bytes_ <= tail_->size;
        if (tail_has_room || store_.has_room(refused_bytes_)) full_ = false;
    }
}

void Appender::flush() {
    if (tail_ && kept_.count > 0) (void)sync();
    if (kept_homeless_) roll(0, Room::beyond);
}

void Appender::drop_oldest() {
    segments_.pop_front();
    if (segments_.empty()) found_tail_.reset();
    ++version_;
    if (!failing_) retry_us_ = {};  // there may be room now
}

}  // namespace momento
