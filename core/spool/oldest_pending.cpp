#include "spool/oldest_pending.h"

#include <algorithm>
#include <utility>

#include "spool/segment_scan.h"

namespace momento {

namespace {

// When the cursor's base record was accepted; 0 if that cannot be told. The base's place
// may be a little before its record.
int64_t read_accept_time(Directory& slot, const std::deque<LogSegment>& segments,
                         const CursorState& cursor) {
    constexpr int most_records = 1000;
    auto segment = std::find_if(segments.begin(), segments.end(), [&](const LogSegment& s) {
        return s.extent.segment >= cursor.base.segment;
    });
    if (segment == segments.end()) return 0;
    const Extent& extent = segment->extent;
    auto file = slot.open(segment_file_name(extent.segment), Directory::Mode::read);
    if (!file) return 0;
    bool is_base = extent.segment == cursor.base.segment;
    SegmentScan scan(std::move(*file), extent.salt,
                     is_base ? cursor.base.offset : segment_header_size);
    Record record;
    for (int i = 0; i < most_records; ++i) {
        auto found = scan.look(extent.end, record);
        if (!found || *found != SegmentScan::Found::record) return 0;
        if (record.sequence >= cursor.base_sequence) return record.accepted_ms;
        scan.move_to(scan.offset() + record.encoded_size());
    }
    return 0;
}

}  // namespace

void OldestPending::look(Directory& slot, const std::deque<LogSegment>& segments,
                         const CursorState& cursor) {
    if (cursor.totals.pending() == 0) {
        sequence_ = 0;
        accepted_ms_ = 0;
    } else if (sequence_ != cursor.base_sequence) {
        sequence_ = cursor.base_sequence;
        accepted_ms_ = read_accept_time(slot, segments, cursor);
    }
}

}  // namespace momento
