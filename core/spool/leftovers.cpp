#include "spool/leftovers.h"

#include <algorithm>
#include <cerrno>

#include "spool/cursor_file.h"

namespace momento {

namespace {

Status remove_file(Directory& directory, const std::string& name) {
    Status removed = directory.remove(name);
    return removed || removed.error().code == ENOENT ? Status() : removed;
}

bool is_expired(const RecoveredSegment& segment, int64_t retain_ms, int64_t now_ms) {
    return retain_ms == 0 || segment.newest_publish_ms <= now_ms - retain_ms;
}

// Nothing that is removed may come alive again, so the releases must be durable: what the
// last owner wrote may stand in the page cache only.
Status note_all_released(const std::shared_ptr<Directory>& directory,
                         const RecoveredSlot& found, bool nothing_is_kept) {
    CursorState state = found.cursor;
    ++state.generation;
    // Segments to come get higher numbers than all that there were.
    if (nothing_is_kept) state.base = {found.highest_number, segment_header_size};
    return CursorFile(directory, nullptr).make(state);
}

}  // namespace

Status give_back_spares(Directory& directory, RecoveredSlot& found) {
    // One file that has two names is a segment.
    while (!found.second_names.empty()) {
        if (Status removed = remove_file(directory, found.second_names.back()); !removed) {
            return removed;
        }
        found.second_names.pop_back();
    }
    // A segment that nobody believes may tell a person something as long as records are
    // missing.
    const bool has_pending = found.cursor.totals.pending() > 0;
    std::vector<FoundFile> kept;
    Status done;
    for (FoundFile& spare : found.spares) {
        const bool goes = done && (!has_pending || is_spare_name(spare.name));
        if (goes) done = remove_file(directory, spare.name);
        if (!goes || !done) kept.push_back(std::move(spare));
    }
    found.spares = std::move(kept);
    return done;
}

Result<int64_t> give_back_segments(const std::shared_ptr<Directory>& directory,
                                   RecoveredSlot& found, int64_t retain_ms, int64_t now_ms) {
    std::vector<RecoveredSegment>& segments = found.segments;
    // What nobody could read may still be needed by a person.
    const bool is_all_known = found.unreadable.empty() && found.damaged.empty() &&
                              found.cursor.base_sequence >= found.next_sequence;
    if (!is_all_known) return INT64_MAX;

    const auto kept = std::find_if_not(segments.begin(), segments.end(), [&](const auto& each) {
        return is_expired(each, retain_ms, now_ms);
    });
    if (kept != segments.begin()) {
        Status noted = note_all_released(directory, found, kept == segments.end());
        if (!noted) return noted.error();
        // The oldest first: what is left always leads from the newest one back.
        for (auto each = segments.begin(); each != kept; ++each) {
            Status removed = remove_file(*directory, segment_file_name(each->extent.segment));
            if (!removed) return removed.error();
        }
        segments.erase(segments.begin(), kept);
    }
    return segments.empty() ? INT64_MAX : segments.front().newest_publish_ms + retain_ms;
}

uint64_t bytes_of(const RecoveredSlot& found) {
    uint64_t bytes = found.other_bytes + cursor_file_size;
    for (const RecoveredSegment& segment : found.segments) bytes += segment.size;
    for (const FoundFile& spare : found.spares) bytes += spare.size;
    for (const BadFile& bad : found.unreadable) bytes += bad.file.size;
    for (const BadFile& bad : found.damaged) bytes += bad.file.size;
    return bytes;
}

}  // namespace momento
