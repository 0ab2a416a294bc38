#include "spool/replay_ids.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "spool/patched_file.h"
#include "spool/recovery.h"
#include "spool/segment_scan.h"
#include "spool/slot_reader.h"

namespace momento {

namespace {

struct Seen {
    AcceptedSignature signature;
    uint64_t offset = 0;  // of the record
    uint64_t sequence = 0;
};

// Whole records of one segment that name a zone; `synced` becomes the offset up to which
// the segment is known to be on disk. After an error `seen` has what could be read.
Status read_segment(Directory& slot, const Extent& extent, std::vector<Seen>* seen,
                    uint64_t* synced) {
    auto file = slot.open(segment_file_name(extent.segment), Directory::Mode::read);
    if (!file) return file.error().code == ENOENT ? Status() : file.error();
    auto patched = std::make_shared<PatchedFile>(std::move(*file));
    const auto end = [&]() -> Status {
        if (patched->has_hole(0, extent.end)) return patched->error();
        return {};
    };
    SegmentScan scan(patched, extent.salt, segment_header_size);
    for (;;) {
        Record record;
        Result<SegmentScan::Found> found = scan.look(extent.end, record);
        if (!found) return found.error();
        if (*found == SegmentScan::Found::end) return end();
        if (*found == SegmentScan::Found::bad) {
            auto whole = scan.find(scan.offset() + 1, extent.end, extent.first_sequence, 0);
            if (!whole) return whole.error();
            if (!*whole) return end();
            scan.move_to(**whole);
            continue;
        }
        *synced = std::max(*synced, record.durable);
        if (record.replay_zone != 0) {
            const int64_t published =
                record.publish_ms != 0 ? record.publish_ms : record.accepted_ms;
            seen->push_back({{record.replay_id, record.replay_zone, published,
                              std::string(record.reason_code)},
                             scan.offset(),
                             record.sequence});
        }
        scan.move_to(scan.offset() + record.encoded_size());
    }
}

// False if the visitor wants no more.
Result<bool> visit_slot(const SlotPlace& place, int64_t since_ms,
                        const SignatureVisitor& visit) {
    Result<std::unique_ptr<FileLock>> lock = place.directory->try_lock(slot_lock_file);
    const bool has_owner = !lock || *lock == nullptr;
    if (lock) lock->reset();

    std::vector<std::string> findings;  // its owner says them, too
    Result<RecoveredSlot> slot = look_at_slot(place, &findings);
    if (!slot) return slot.error();
    Status trouble;
    for (size_t i = 0; i < slot->segments.size(); ++i) {
        const RecoveredSegment& segment = slot->segments[i];
        const bool is_letters = place.destination == dead_letter_directory;
        if (!is_letters && segment.newest_publish_ms < since_ms) continue;

        std::vector<Seen> seen;
        uint64_t synced = 0;
        Status read = read_segment(*place.directory, segment.extent, &seen, &synced);
        if (!read) trouble = read;
        const bool may_grow = has_owner && i + 1 == slot->segments.size();
        for (Seen& one : seen) {
            if (one.signature.publish_ms < since_ms) continue;
            one.signature.in_doubt =
                may_grow && one.offset >= synced && one.sequence > slot->noted_sequence;
            if (!visit(one.signature)) return false;
        }
    }
    if (!trouble) return trouble.error();
    return true;
}

}  // namespace

Status visit_signatures(FileSystem& files, const std::string& spool, int64_t since_ms,
                        Logger& logger, const SignatureVisitor& visit) {
    Result<std::vector<SlotPlace>> places = find_slots(files, spool);
    if (!places) return places.error().code == ENOENT ? Status() : places.error();
    Result<std::vector<SlotPlace>> letters = find_slots(files, spool, dead_letter_directory);
    if (!letters && letters.error().code != ENOENT) return letters.error();
    if (letters) places->insert(places->end(), letters->begin(), letters->end());

    for (const SlotPlace& place : *places) {
        Result<bool> goes_on = visit_slot(place, since_ms, visit);
        if (!goes_on) {
            logger.write(Severity::error,
                         "signatures that were accepted cannot be read back from slot \"" +
                             place.slot + "\" of \"" + place.destination +
                             "\", they may be played again: " + goes_on.error().text);
        } else if (!*goes_on) {
            break;
        }
    }
    return {};
}

}  // namespace momento
