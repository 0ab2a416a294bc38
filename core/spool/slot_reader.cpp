#include "spool/slot_reader.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <unordered_set>

#include "spool/cursor_file.h"
#include "spool/marks.h"
#include "spool/patched_file.h"
#include "spool/segment_scan.h"

namespace momento {

namespace {

// What recovery has to say becomes part of the report.
class Findings final : public Logger {
  public:
    explicit Findings(std::vector<std::string>* lines) : lines_(lines) {}
    void write(Severity, std::string line) override { lines_->push_back(std::move(line)); }

  private:
    std::vector<std::string>* lines_;
};

// False if the segment was used again, or is gone, since its header was read.
bool still_stands(Directory& slot, const Extent& extent) {
    auto file = slot.open(segment_file_name(extent.segment), Directory::Mode::read);
    if (!file) return false;
    std::string bytes(segment_header_size, '\0');
    Result<size_t> size = (*file)->read_at(0, bytes.data(), bytes.size());
    if (!size || *size < bytes.size()) return false;
    DecodedHeader decoded = decode_segment_header(bytes);
    return decoded.state == HeaderState::valid && decoded.header.salt == extent.salt;
}

// In place of one that cannot be opened.
class UnopenedDirectory final : public Directory {
  public:
    explicit UnopenedDirectory(Error error) : error_(std::move(error)) {}
    Result<std::unique_ptr<File>> open(const std::string&, Mode) override { return error_; }
    Result<std::unique_ptr<Directory>> open_directory(const std::string&, bool) override {
        return error_;
    }
    Result<std::vector<std::string>> list() override { return error_; }
    Status rename(const std::string&, const std::string&) override { return error_; }
    Status remove(const std::string&) override { return error_; }
    Status link(const std::string&, Directory&) override { return error_; }
    Result<uint64_t> links(const std::string&) override { return error_; }
    Status sync() override { return error_; }
    Result<std::unique_ptr<FileLock>> try_lock(const std::string&) override { return error_; }

  private:
    const Error error_;
};

// The slots of the destination `name`.
Status add_slots(Directory& spool, const std::string& name, std::vector<SlotPlace>* places) {
    auto parent = spool.open_directory(name, false);
    if (!parent) return parent.error();
    auto slots = (*parent)->list();
    if (!slots) return slots.error();
    std::sort(slots->begin(), slots->end());
    for (const std::string& slot : *slots) {
        if (!is_slot_name(slot)) continue;
        auto directory = (*parent)->open_directory(slot, false);
        if (directory) {
            places->push_back({name, slot, std::move(*directory)});
        } else if (directory.error().code != ENOENT) {  // it was removed meanwhile
            places->push_back(
                {name, slot, std::make_shared<UnopenedDirectory>(directory.error())});
        }
    }
    return {};
}

class SlotWalk {
  public:
    SlotWalk(Directory& slot, const CursorState& cursor, std::unordered_set<uint64_t> marked,
             const RecordVisitor& visit, SlotReport* report)
        : slot_(slot),
          cursor_(cursor),
          marked_(std::move(marked)),
          visit_(visit),
          report_(report) {}

    // Reads one extent, which should hold all records from sequence `first` to `next`.
    Status walk(const Extent& extent, uint64_t first, uint64_t next) {
        auto file = slot_.open(segment_file_name(extent.segment), Directory::Mode::read);
        if (!file && file.error().code == ENOENT) return {};
        if (!file) {
            lose(extent, file.error().text, first, next);
            return {};
        }
        auto patched = std::make_shared<PatchedFile>(std::move(*file));
        SegmentScan scan(patched, extent.salt, segment_header_size);
        uint64_t whole_until = segment_header_size;

        uint64_t expected = first;
        for (;;) {
            Record record;
            Result<SegmentScan::Found> found = scan.look(extent.end, record);
            if (!found) return found.error();
            if (*found == SegmentScan::Found::end) break;
            if (*found == SegmentScan::Found::bad) {
                auto whole = scan.find(scan.offset() + 1, extent.end, expected, 0);
                if (!whole) return whole.error();
                if (!*whole) break;
                scan.move_to(**whole);
                continue;
            }
            scan.move_to(scan.offset() + record.encoded_size());
            if (record.sequence < expected) continue;
            const uint64_t at = scan.offset() - record.encoded_size();
            const std::string why =
                patched->has_hole(whole_until, at) ? patched->error().text : "";
            lose(extent, why, expected, record.sequence);
            expected = record.sequence + 1;
            whole_until = scan.offset();
            if (cursor_.is_released(record.sequence) || marked_.count(record.sequence) > 0) {
                continue;
            }
            report_->pending++;
            visit_(record, {extent.segment, scan.offset()});
        }
        const bool has_hole = patched->has_hole(whole_until, extent.end);
        lose(extent, has_hole ? patched->error().text : "", expected, next);
        return {};
    }

  private:
    // `unreadable`: why they cannot be read; empty if they are not there.
    void lose(const Extent& extent, const std::string& unreadable, uint64_t first,
              uint64_t end) {
        uint64_t missing = 0;
        for (uint64_t sequence = first; sequence < end; sequence++) {
            missing += cursor_.is_released(sequence) ? 0 : 1;
        }
        if (missing == 0) return;
        if (unreadable.empty() && !still_stands(slot_, extent)) return;
        (unreadable.empty() ? report_->lost : report_->unreadable) += missing;
        report_->findings.push_back(
            std::to_string(missing) + " records cannot be read, from sequence " +
            std::to_string(first) + " on, at \"" + segment_file_name(extent.segment) + '"' +
            (unreadable.empty() ? "" : ": " + unreadable));
    }

    Directory& slot_;
    const CursorState& cursor_;
    const std::unordered_set<uint64_t> marked_;
    const RecordVisitor& visit_;
    SlotReport* report_;
};

}  // namespace

Result<RecoveredSlot> look_at_slot(const SlotPlace& place, std::vector<std::string>* findings) {
    constexpr int most_attempts = 20;
    for (int attempt = 1;; attempt++) {
        findings->clear();
        Findings logger(findings);
        Result<RecoveredSlot> recovered = recover_slot(*place.directory, place.slot, logger);
        bool moved = !recovered && recovered.error().code == ENOENT;
        if (!moved || attempt == most_attempts) return recovered;
    }
}

Result<std::vector<SlotPlace>> find_slots(FileSystem& files, const std::string& spool,
                                          const std::string& destination) {
    auto root = files.open_directory(spool, false);
    if (!root) return root.error();
    std::vector<SlotPlace> places;
    if (!destination.empty()) {
        if (Status added = add_slots(**root, destination, &places); !added) {
            return added.error();
        }
        return places;
    }

    auto names = (*root)->list();
    if (!names) return names.error();
    std::sort(names->begin(), names->end());
    for (const std::string& name : *names) {
        if (!is_destination_name(name)) continue;  // ".dead", "lost+found"
        Status added = add_slots(**root, name, &places);
        if (added || added.error().code == ENOTDIR || added.error().code == ENOENT) continue;
        places.push_back({name, "", std::make_shared<UnopenedDirectory>(added.error())});
    }
    return places;
}

Result<uint64_t> certain_until(const SlotPlace& place) {
    Directory& slot = *place.directory;
    Result<std::unique_ptr<FileLock>> lock = slot.try_lock(slot_lock_file);
    if (!lock) return lock.error();
    if (*lock == nullptr) {
        bool foreign = false;
        Result<std::optional<CursorState>> cursor = read_cursor(slot, &foreign);
        if (!cursor) return cursor.error();
        return *cursor ? (*cursor)->totals.last_sequence + 1 : 0;
    }
    std::vector<std::string> findings;
    Result<RecoveredSlot> found = look_at_slot(place, &findings);
    if (!found) return found.error();
    if (!found->segments.empty()) {
        const uint64_t newest = found->segments.back().extent.segment;
        auto file = slot.open(segment_file_name(newest), Directory::Mode::write);
        if (!file) return file.error();
        if (Status synced = (*file)->sync(); !synced) return synced.error();
    }
    return found->next_sequence;
}

Result<uint64_t> total_size(Directory& slot) {
    Result<std::vector<std::string>> names = slot.list();
    if (!names) return names.error();
    uint64_t total = 0;
    for (const std::string& name : *names) {
        // A file may go away between the two calls.
        auto file = slot.open(name, Directory::Mode::read);
        if (!file) continue;
        if (Result<uint64_t> size = (*file)->size()) total += *size;
    }
    return total;
}

Result<SlotReport> read_slot(const SlotPlace& place, const RecordVisitor& visit) {
    SlotReport report;
    Result<RecoveredSlot> recovered = look_at_slot(place, &report.findings);
    if (!recovered) return recovered.error();
    report.foreign = recovered->foreign;
    Result<uint64_t> bytes = total_size(*place.directory);
    if (!bytes) return bytes.error();
    report.bytes = *bytes;
    if (report.foreign) return report;
    report.cursor = recovered->cursor;

    std::unordered_set<uint64_t> marked;
    if (place.destination == dead_letter_directory) {
        uint64_t first = 0;
        auto marks = read_marks(*place.directory, &first);
        if (!marks) return marks.error();
        for (const Mark& mark : *marks) marked.insert(mark.sequence);
    }

    for (const BadFile& bad : recovered->unreadable) {
        report.findings.push_back('"' + bad.file.name + "\" cannot be read: " + bad.what);
    }
    if (!recovered->blocked.empty()) {
        report.unreadable = recovered->cursor.totals.pending();
        report.findings.push_back(recovered->blocked);
        return report;
    }

    SlotWalk walk(*place.directory, report.cursor, std::move(marked), visit, &report);
    const std::vector<RecoveredSegment>& segments = recovered->segments;
    uint64_t first = report.cursor.base_sequence;
    for (size_t i = 0; i < segments.size(); i++) {
        uint64_t next = i + 1 < segments.size() ? segments[i + 1].extent.first_sequence
                                                : recovered->next_sequence;
        if (next <= first) continue;  // wholly released
        if (Status status = walk.walk(segments[i].extent, first, next); !status) {
            return status.error();
        }
        first = next;
    }
    for (const BadFile& bad : recovered->damaged) {
        report.findings.push_back('"' + bad.file.name + "\" is damaged: " + bad.what);
    }
    return report;
}

}  // namespace momento
