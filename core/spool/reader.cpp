#include "spool/reader.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace momento {

Reader::Reader(std::shared_ptr<const Log> log, Logger& logger)
    : log_(std::move(log)), logger_(logger) {}

bool Reader::begin() {
    if (opened_at_) return true;
    opened_at_ = log_->opened_at();
    if (!opened_at_) return false;
    directory_ = log_->directory();
    next_ = opened_at_->base_sequence;
    return true;
}

bool Reader::read(size_t max_records, size_t max_bytes, std::vector<ReadRecord>& records,
                  std::vector<Release>& damaged) {
    if (!begin()) return false;
    refresh();

    size_t count = 0;
    size_t bytes = 0;
    bool any_lost = false;
    while (count < max_records && bytes < max_bytes) {
        any_lost = give_lost(damaged) || any_lost;
        if (next_ < lost_until_) break;  // at the window's edge

        ReadRecord& read = records.emplace_back();
        Step step = this->step(read.record);
        if (step != Step::record) records.pop_back();
        if (step == Step::nothing) break;
        if (step == Step::again) continue;
        read.size = read.record.encoded_size();
        read.end = {extents_.front().segment, scan_->offset() + read.size};
        read.chunk = scan_->chunk();
        scan_->move_to(read.end.offset);
        next_ = read.record.sequence + 1;
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
    if (extents_.empty() || extents_.front().segment != segment) scan_.reset();
}

Reader::Step Reader::step(Record& record) {
    if (extents_.empty()) return Step::nothing;
    if (!scan_) {
        if (Step opened = open_extent(); opened != Step::record) return opened;
    }
    Result<SegmentScan::Found> found = scan_->look(extents_.front().end, record);
    if (!found) return wait_or_give_up(found.error());
    failures_ = 0;
    if (*found == SegmentScan::Found::bad) return pass_bad_place();
    if (*found == SegmentScan::Found::end) return leave_extent();

    if (record.sequence > next_) {
        lost_until_ = record.sequence;
        lost_end_ = {extents_.front().segment, scan_->offset()};
        return Step::again;
    }
    if (record.sequence < next_ || opened_at_->is_released(record.sequence)) {
        next_ = std::max(next_, record.sequence + 1);
        scan_->move_to(scan_->offset() + record.encoded_size());
        return Step::again;
    }
    return in_window(record.sequence) ? Step::record : Step::nothing;
}

Reader::Step Reader::open_extent() {
    const Extent& extent = extents_.front();
    if (extent.first_sequence > next_) {
        lost_until_ = extent.first_sequence;
        lost_end_ = {extent.segment, segment_header_size};
        return Step::again;
    }
    auto file = directory_->open(segment_file_name(extent.segment), Directory::Mode::read);
    if (!file) {
        // Recycled between two looks, or removed by somebody: then the next one tells.
        if (file.error().code == ENOENT && extents_.size() > 1) return leave_extent();
        return wait_or_give_up(file.error());
    }
    const Position& base = opened_at_->base;
    uint64_t offset = extent.segment == base.segment ? base.offset : 0;
    file_ = std::move(*file);
    scan_.emplace(file_, extent.salt, std::max<uint64_t>(offset, segment_header_size));
    return Step::record;
}

Reader::Step Reader::leave_extent() {
    if (!extents_.front().sealed || extents_.size() < 2) return Step::nothing;
    extents_.erase(extents_.begin());
    scan_.reset();
    seen_version_ = 0;
    refresh();
    return Step::again;
}

// Everything before an extent's end was durable, so that what cannot be read is damaged.
// How many records it was, the next readable one's sequence tells.
Reader::Step Reader::pass_bad_place() {
    const Extent& extent = extents_.front();
    uint64_t bad = scan_->offset();
    auto found = scan_->find(bad, extent.end, next_, 0);
    if (!found) return wait_or_give_up(found.error());
    uint64_t next = found->value_or(extent.end);
    // Unless it has been used again since: everything in it was released.
    bool recycled = extents_.size() > 1 && extents_[1].first_sequence <= log_->base_sequence();
    if (!recycled) keep_aside(bad, next);
    scan_->move_to(next);
    return Step::again;
}

Reader::Step Reader::wait_or_give_up(const Error& error) {
    if (failures_++ == 0) {
        logger_.write(Severity::alert, "reading the log stands still: " + error.text);
    }
    bool may_be_lost = error.code == EIO || error.code == ENOENT;
    if (!may_be_lost || failures_ < patience) return Step::nothing;
    failures_ = 0;
    if (!scan_) return leave_extent();
    scan_->move_to(extents_.front().end);
    return Step::again;
}

// Reports lost records, as far as the window reaches. True if there was one.
bool Reader::give_lost(std::vector<Release>& damaged) {
    if (next_ >= lost_until_) return false;
    next_ = std::max(next_, log_->base_sequence());
    size_t before = damaged.size();
    for (; next_ < lost_until_ && in_window(next_); ++next_) {
        if (opened_at_->is_released(next_)) continue;
        damaged.push_back({next_, lost_end_, Resolution::damaged});
    }
    if (damaged.size() == before) return false;
    logger_.write(Severity::alert, std::to_string(damaged.size() - before) +
                                       " records before offset " +
                                       std::to_string(lost_end_.offset) + " of segment " +
                                       std::to_string(lost_end_.segment) +
                                       " are lost: the disk does not hold them any more");
    return true;
}

void Reader::keep_aside(uint64_t from, uint64_t to) {
    std::string bytes(to - from, '\0');
    Result<size_t> read = file_->read_at(from, bytes.data(), bytes.size());
    if (!read) return;
    bytes.resize(*read);
    std::string name = damaged_file_name(extents_.front().segment, from);
    logger_.write(Severity::alert, std::to_string(to - from) +
                                       " bytes of a log cannot be read; they are kept in \"" +
                                       name + "\" of its slot");
    auto file = directory_->open(name, Directory::Mode::create);
    if (!file) return;  // kept before, or no room: the log goes on
    (void)(*file)->write_at(0, bytes);
}

}  // namespace momento
