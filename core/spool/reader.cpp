#include "spool/reader.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "spool/planted.h"

namespace momento {
namespace {

constexpr int64_t first_delay_us = 1'000'000;
constexpr int64_t longest_delay_us = 60'000'000;
constexpr uint64_t aside_piece = 64 * 1024;

// It is not the file's fault, and will pass.
bool is_machines(const Error& error) {
    return error.code == EMFILE || error.code == ENFILE || error.code == ENOMEM;
}

std::string remedy(const Error& error) {
    if (error.code == EACCES || error.code == EPERM) {
        return "; give the file to the user that workers run as (chown)";
    }
    return "; to give them up, move the file out of its slot";
}

}  // namespace

Reader::Reader(std::shared_ptr<Log> log, Logger& logger, const Clock& clock)
    : log_(std::move(log)), logger_(logger), clock_(clock) {}

bool Reader::begin() {
    if (opened_at_) return true;
    opened_at_ = log_->opened_at();
    if (!opened_at_) return false;
    directory_ = log_->directory();
    main_.next = opened_at_->base_sequence;
    return true;
}

bool Reader::read(size_t max_records, size_t max_bytes, std::vector<ReadRecord>& records,
                  std::vector<Release>& damaged) {
    if (!begin()) return false;
    refresh();
    hear_of_parting();
    part_with_holes();

    size_t count = 0;
    size_t bytes = 0;
    bool any_lost = false;
    while (count < max_records && bytes < max_bytes) {
        const bool in_hole = walks_through_hole();
        any_lost = give_lost(damaged) || any_lost;
        if (!in_hole && !lost_.empty()) break;  // at the window's edge
        Walk& walk = in_hole ? hole_walk_ : main_;
        ReadRecord& read = records.emplace_back();
        Step step = in_hole ? step_hole(read.record) : this->step(read.record);
        if (step != Step::record) records.pop_back();
        if (step == Step::nothing) break;
        if (step == Step::again) continue;
        read.size = read.record.encoded_size();
        read.end = {walk.segment, walk.scan->offset() + read.size};
        read.chunk = walk.scan->chunk();
        walk.scan->move_to(read.end.offset);
        walk.next = read.record.sequence + 1;
        bytes += read.size;
        ++count;
    }
    return count > 0 || any_lost;
}

void Reader::refresh() {
    uint64_t version = log_->version();
    if (version == seen_version_) return;
    seen_version_ = version;
    uint64_t segment = extents_.empty() ? opened_at_->base.segment : extents_.front().segment;
    extents_ = log_->extents_from(segment, 2);
    // What was read from it stays valid, but the segment is gone: it was all released.
    if (extents_.empty() || extents_.front().segment != segment) {
        main_.scan.reset();
        main_.unread.reset();
    }
}

// --- in order

Reader::Step Reader::step(Record& record) {
    if (extents_.empty()) return Step::nothing;
    if (!main_.scan) {
        if (Step opened = open_extent(); opened != Step::record) return opened;
    }
    Step found = look(main_, extents_.front().end, record);
    if (found == Step::end) return leave_extent();
    if (found == Step::record && !in_window(record.sequence)) return Step::nothing;
    return found;
}

Reader::Step Reader::open_extent() {
    const Extent& extent = extents_.front();
    if (extent.first_sequence > main_.next) {
        close_gap(main_, extent.first_sequence, {extent.segment, segment_header_size});
        return Step::again;
    }
    main_.unread.reset();
    main_.segment = extent.segment;
    main_.salt = extent.salt;
    const Position& base = opened_at_->base;
    uint64_t offset = extent.segment == base.segment ? base.offset : 0;
    offset = std::max<uint64_t>(offset, segment_header_size);
    auto file = directory_->open(segment_file_name(extent.segment), Directory::Mode::read);
    if (!file) {
        const bool goes_on = extents_.size() > 1 && !is_machines(file.error());
        if (!goes_on) return stand_still(file.error());
        // Recycled between two looks, or removed by somebody: then the next one tells.
        if (file.error().code != ENOENT) {
            main_.unread = Range{offset, extent.end};
            main_.error = file.error();
        }
        return leave_extent();
    }
    stands_still_ = false;
    main_.file = std::make_shared<PatchedFile>(std::move(*file));
    main_.scan.emplace(main_.file, extent.salt, offset);
    return Step::record;
}

Reader::Step Reader::leave_extent() {
    if (!extents_.front().sealed || extents_.size() < 2) {
        // What comes behind a hole tells how many records it has. Nothing does, so far.
        if (main_.unread && main_.scan && clock_.steady_us() >= look_again_us_) {
            look_again_us_ = clock_.steady_us() + first_delay_us;
            main_.scan.reset();
        }
        return Step::nothing;
    }
    const Extent left = extents_.front();
    extents_.erase(extents_.begin());
    main_.scan.reset();
    seen_version_ = 0;
    refresh();
    cut_holes(left);
    return Step::again;
}

// A segment that was given up ends before what was found in it, and in a hole, meanwhile: that
// is written again in the next one, under the same sequences.
void Reader::cut_holes(const Extent& left) {
    if (main_.unread) {
        main_.unread->to = std::min(main_.unread->to, std::max(main_.unread->from, left.end));
    }
    if (extents_.empty()) return;
    const Extent& next = extents_.front();
    std::vector<Hole> again;
    for (Hole& hole : holes_) {
        if (hole.segment != left.segment || hole.bytes.to <= left.end) continue;
        hole.bytes.to = std::max(hole.bytes.from, left.end);
        if (hole.sequences.to <= next.first_sequence) continue;
        Hole rest = hole;
        rest.segment = next.segment;
        rest.salt = next.salt;
        rest.bytes = {segment_header_size, next.end};
        rest.sequences.from = std::max(hole.sequences.from, next.first_sequence);
        rest.records = unreleased(rest.sequences);
        rest.due_us = clock_.steady_us();
        hole.sequences.to = rest.sequences.from;
        hole.records = unreleased(hole.sequences);
        again.push_back(rest);
    }
    const auto is_empty = [](const Hole& hole) {
        return hole.sequences.from == hole.sequences.to;
    };
    holes_.erase(std::remove_if(holes_.begin(), holes_.end(), is_empty), holes_.end());
    holes_.insert(holes_.end(), again.begin(), again.end());
}

Reader::Step Reader::stand_still(const Error& error) {
    if (!std::exchange(stands_still_, true)) {
        logger_.write(Severity::alert, "reading the log stands still: " + error.text);
    }
    return Step::nothing;
}

// --- a place in a segment

Reader::Step Reader::look(Walk& walk, uint64_t end, Record& record) {
    Result<SegmentScan::Found> found = walk.scan->look(end, record);
    if (!found) return stand_still(found.error());
    stands_still_ = false;
    if (*found == SegmentScan::Found::bad) return pass_bad_place(walk, end);
    if (*found == SegmentScan::Found::end) return Step::end;

    if (record.sequence > walk.next) {
        close_gap(walk, record.sequence, {walk.segment, walk.scan->offset()});
        return Step::again;
    }
    walk.unread.reset();
    if (record.sequence < walk.next || opened_at_->is_released(record.sequence)) {
        walk.next = std::max(walk.next, record.sequence + 1);
        walk.scan->move_to(walk.scan->offset() + record.encoded_size());
        return Step::again;
    }
    return Step::record;
}

// Everything before an extent's end was durable, so that what is not a record is damaged, or
// cannot be read. How many records it was, the next readable one's sequence tells.
Reader::Step Reader::pass_bad_place(Walk& walk, uint64_t end) {
    uint64_t bad = walk.scan->offset();
    auto found = walk.scan->find(bad, end, walk.next, 0);
    if (!found) return stand_still(found.error());
    uint64_t next = found->value_or(end);
    // Unless it has been used again since: everything in it was released.
    bool recycled = extents_.size() > 1 && &walk == &main_ &&
                    extents_[1].first_sequence <= log_->base_sequence();
    if (walk.file->has_hole(bad, next)) {
        walk.unread = Range{walk.unread ? walk.unread->from : bad, next};
        walk.error = walk.file->error();
    } else if (!recycled) {
        keep_aside(walk, bad, next);
    }
    walk.scan->move_to(next);
    return Step::again;
}

// The records before that sequence are not where they should be.
void Reader::close_gap(Walk& walk, uint64_t sequence, Position lost_end) {
    const Range missing{walk.next, sequence};
    walk.next = sequence;
    if (walk.unread && !planted(Bug::unreadable_is_lost)) {
        add_hole(walk, missing);
        walk.unread.reset();
    } else {
        lost_.push_back({missing, lost_end});
    }
}

void Reader::add_hole(const Walk& walk, Range sequences) {
    Hole hole;
    hole.segment = walk.segment;
    hole.salt = walk.salt;
    hole.bytes = *walk.unread;
    hole.sequences = sequences;
    hole.records = unreleased(sequences);
    hole.delay_us = std::min(std::max(first_delay_us, 2 * walk.delay_us), longest_delay_us);
    hole.due_us = clock_.steady_us() + hole.delay_us;
    if (hole.records == 0 || sequences.to <= log_->base_sequence()) return;
    if (walk.delay_us == 0) {
        logger_.write(Severity::alert,
                      std::to_string(hole.records) + " records, from sequence " +
                          std::to_string(sequences.from) +
                          " on, wait until they can be read: " + walk.error.text +
                          remedy(walk.error));
    }
    holes_.push_back(hole);
}

// --- what could not be read before

// Whether one is to be walked through now, or still is.
bool Reader::walks_through_hole() {
    if (walked_hole_) return true;
    if (holes_.empty()) return false;
    const int64_t now_us = clock_.steady_us();
    // A person may have dealt with them: letters are marked.
    while (!holes_.empty() && holes_.front().sequences.to <= log_->base_sequence()) {
        holes_.pop_front();
    }
    const auto due = std::find_if(holes_.begin(), holes_.end(), [&](const Hole& hole) {
        return hole.due_us <= now_us && !hole.leaves;
    });
    if (due == holes_.end()) return false;
    Hole hole = *due;
    holes_.erase(due);
    if (!open_hole(hole)) return false;
    walked_hole_ = hole;
    return true;
}

// False: it stays a hole, or is given up.
bool Reader::open_hole(Hole& hole) {
    hole_walk_ = Walk{};
    hole_walk_.segment = hole.segment;
    hole_walk_.salt = hole.salt;
    hole_walk_.next = hole.sequences.from;
    hole_walk_.delay_us = hole.delay_us;
    hole_walk_.unread = hole.bytes;
    auto file = directory_->open(segment_file_name(hole.segment), Directory::Mode::read);
    if (!file) {
        hole_walk_.error = file.error();
        if (file.error().code == ENOENT) hole_walk_.unread.reset();
        close_gap(hole_walk_, hole.sequences.to, {hole.segment, hole.bytes.to});
        return false;
    }
    hole_walk_.unread.reset();
    hole_walk_.file = std::make_shared<PatchedFile>(std::move(*file));
    hole_walk_.scan.emplace(hole_walk_.file, hole.salt, hole.bytes.from);
    return true;
}

Reader::Step Reader::step_hole(Record& record) {
    const Hole& hole = *walked_hole_;
    Step found = look(hole_walk_, hole.bytes.to, record);
    const bool is_through =
        found == Step::end || (found == Step::record && record.sequence >= hole.sequences.to);
    if (!is_through) return found;
    if (hole_walk_.next < hole.sequences.to) {
        close_gap(hole_walk_, hole.sequences.to, {hole.segment, hole.bytes.to});
    }
    walked_hole_.reset();
    return Step::again;
}

uint64_t Reader::unreadable() const {
    uint64_t records = 0;
    for (const Hole& hole : holes_) records += hole.records;
    if (walked_hole_) records += unreleased({hole_walk_.next, walked_hole_->sequences.to});
    return records;
}

uint64_t Reader::unreleased(Range sequences) const {
    uint64_t count = 0;
    for (uint64_t each = sequences.from; each < sequences.to; ++each) {
        count += opened_at_->is_released(each) ? 0 : 1;
    }
    return count;
}

// Asks for it when the lowest one keeps the log from being released, with all of its segment.
void Reader::part_with_holes() {
    if (holes_.empty() || walked_hole_) return;
    const uint64_t base = log_->base_sequence();
    if (main_.next < base || main_.next - base < log_->unread_reach()) return;
    const auto is_before = [](const Hole& a, const Hole& b) {
        return a.sequences.from < b.sequences.from;
    };
    const auto lowest = std::min_element(holes_.begin(), holes_.end(), is_before);
    if (lowest->leaves || lowest->sequences.from > base) return;
    if (clock_.steady_us() < part_again_us_) return;

    std::sort(holes_.begin(), holes_.end(), is_before);
    const uint64_t segment = holes_.front().segment;
    UnreadRecords unread;
    unread.segment = segment;
    unread.salt = holes_.front().salt;
    unread.from = holes_.front().bytes.from;
    // As many as one cursor tells from what stands between them.
    const uint64_t window_end = holes_.front().sequences.from + cursor_window;
    const auto is_part = [&](const Hole& hole) {
        return hole.segment == segment && hole.sequences.from < window_end;
    };
    for (const Hole& hole : holes_) {
        if (!is_part(hole)) continue;
        unread.to = hole.bytes.to;
        unread.sequences.emplace_back(hole.sequences.from, hole.sequences.to);
    }
    // Where nothing stands behind them they are as good as in a slot of their own.
    if (unread.sequences.back().second > log_->numbers().totals.last_sequence) return;
    for (Hole& hole : holes_) hole.leaves = is_part(hole);
    log_->part_with(std::move(unread));
}

void Reader::hear_of_parting() {
    parted_.clear();
    log_->take_parted(parted_);
    for (const bool is_parted : parted_) {
        if (!is_parted) part_again_us_ = clock_.steady_us() + longest_delay_us;
        for (auto hole = holes_.begin(); hole != holes_.end();) {
            if (hole->leaves && is_parted) {
                hole = holes_.erase(hole);
            } else {
                hole++->leaves = false;
            }
        }
    }
}

// --- what is lost

// Reports lost records, as far as the window reaches. True if there was one.
bool Reader::give_lost(std::vector<Release>& damaged) {
    const size_t before = damaged.size();
    for (Lost& lost : lost_) {
        uint64_t& next = lost.sequences.from;
        next = std::max(next, log_->base_sequence());
        const size_t given = damaged.size();
        for (; next < lost.sequences.to && in_window(next); ++next) {
            if (opened_at_->is_released(next)) continue;
            damaged.push_back({next, lost.end, Resolution::damaged});
        }
        if (damaged.size() == given) continue;
        logger_.write(Severity::alert, std::to_string(damaged.size() - given) +
                                           " records before offset " +
                                           std::to_string(lost.end.offset) + " of segment " +
                                           std::to_string(lost.end.segment) +
                                           " are lost: the disk does not hold them any more");
    }
    const auto is_given = [](const Lost& lost) {
        return lost.sequences.from >= lost.sequences.to;
    };
    lost_.erase(std::remove_if(lost_.begin(), lost_.end(), is_given), lost_.end());
    return damaged.size() > before;
}

// A piece at a time, and no more than may be kept.
void Reader::keep_aside(const Walk& walk, uint64_t from, uint64_t to) {
    std::string name = damaged_file_name(walk.segment, from);
    std::string line = std::to_string(to - from) + " bytes of a log are damaged";
    auto file = bytes_aside() < most_kept_aside
                    ? directory_->open(name, Directory::Mode::create)
                    : Result<std::unique_ptr<File>>(Error{"", EDQUOT});
    if (!file) {  // kept before, or no room: the log goes on
        if (file.error().code != EEXIST) {
            logger_.write(Severity::alert, line + ", and cannot be kept");
        }
        return;
    }
    logger_.write(Severity::alert, line + "; they are kept in \"" + name + "\" of its slot");
    std::string piece;
    for (uint64_t at = from; at < to; at += piece.size()) {
        piece.resize(std::min(to - at, aside_piece));
        Result<size_t> read = walk.file->read_at(at, piece.data(), piece.size());
        if (!read || *read == 0) return;
        piece.resize(*read);
        if (!(*file)->write_at(at - from, piece)) return;
    }
}

uint64_t Reader::bytes_aside() const {
    auto names = directory_->list();
    if (!names) return 0;
    uint64_t bytes = 0;
    for (const std::string& name : *names) {
        if (!is_damaged_name(name)) continue;
        auto file = directory_->open(name, Directory::Mode::read);
        if (!file) continue;
        if (Result<uint64_t> size = (*file)->size()) bytes += *size;
    }
    return bytes;
}

}  // namespace momento
