#include "spool/recovery.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "spool/cursor_file.h"
#include "spool/planted.h"
#include "spool/segment_scan.h"

namespace momento {

namespace {

struct SegmentFile {
    SegmentHeader header;
    uint64_t size = 0;
};

struct Tail {
    uint64_t end = segment_header_size;
    uint64_t next_sequence = 1;
    int64_t newest_publish_ms = 0;
    uint64_t redriven = 0;  // of the records behind the cursor's last sequence
    bool clean = false;     // RecoveredSlot::tail_clean
};

// One slot's recovery; its steps in the order in which they run.
class Recovery {
  public:
    Recovery(Directory& directory, Logger& logger) : directory_(directory), logger_(logger) {}

    Result<RecoveredSlot> run() {
        if (Status read = read_files(); !read) return read.error();
        if (Status read = read_cursor_file(); !read) return read.error();
        if (slot_.foreign) {
            RecoveredSlot foreign;
            foreign.foreign = true;
            return foreign;
        }
        follow_predecessors();
        if (!cursor_found_) assume_cursor();
        if (Status read = read_tail(); !read) return read.error();
        sort_out_rest();
        place_base();
        return std::move(slot_);
    }

  private:
    Status read_files() {
        Result<std::vector<std::string>> names = directory_.list();
        if (!names) return names.error();
        for (const std::string& name : *names) {
            if (Status read = read_file(name); !read) return read;
        }
        return {};
    }

    Status read_file(const std::string& name) {
        std::optional<uint64_t> number = segment_number(name);
        auto file = directory_.open(name, Directory::Mode::read);
        if (!file) {
            // Only for who looks without the lock: its writer removes and renames.
            if (file.error().code == ENOENT) return {};
            return file.error();
        }
        Result<uint64_t> size = (*file)->size();
        if (!size) return size.error();
        if (is_spare_name(name)) {
            slot_.spares.push_back({name, *size});
            return {};
        }
        if (!number) {
            if (!is_cursor_name(name)) slot_.other_bytes += *size;
            return {};
        }

        slot_.highest_number = std::max(slot_.highest_number, *number);
        std::string bytes(segment_header_size, '\0');
        Result<size_t> read = (*file)->read_at(0, bytes.data(), bytes.size());
        if (!read) return read.error();
        bytes.resize(*read);
        DecodedHeader decoded = decode_segment_header(bytes);
        switch (decoded.state) {
            case HeaderState::valid:
                if (decoded.header.number == *number) {
                    found_[*number] = {decoded.header, *size};
                } else {
                    misplaced_.push_back({{name, *size}, decoded.header});
                }
                break;
            case HeaderState::blank:
                slot_.spares.push_back({name, *size});
                break;
            case HeaderState::damaged:
                damaged_[*number] = {name, *size};
                break;
            case HeaderState::foreign:
                slot_.foreign = true;
                break;
        }
        return {};
    }

    Status read_cursor_file() {
        bool foreign = false;
        Result<std::optional<CursorState>> cursor = read_cursor(directory_, &foreign);
        if (foreign) {
            slot_.foreign = true;
        } else if (cursor) {
            cursor_found_ = cursor->has_value();
            if (cursor_found_) slot_.cursor = **cursor;
            slot_.noted_sequence = slot_.cursor.totals.last_sequence;
        } else if (cursor.error().code != 0) {
            return cursor.error();
        } else {
            logger_.write(Severity::alert, cursor.error().text +
                                               "; all records that are left will be "
                                               "delivered again");
        }
        return {};
    }

    void follow_predecessors() {
        if (found_.empty()) return;
        auto at = std::prev(found_.end());
        add_segment(at, at->second.size, 0);
        for (;;) {
            const SegmentHeader& header = at->second.header;
            auto before = found_.find(header.predecessor);
            if (before != found_.end() && before->first < at->first) {
                add_segment(before, header.predecessor_end,
                            header.predecessor_newest_publish_ms);
            } else if (damaged_.count(header.predecessor) != 0) {
                // The chain is broken. What lies before is most likely the next lower one;
                // its end is unknown, and readers stop where its records do.
                before = found_.lower_bound(header.predecessor);
                if (before == found_.begin()) break;
                --before;
                add_segment(before, before->second.size, header.predecessor_newest_publish_ms);
            } else {
                break;
            }
            at = before;
        }
        std::reverse(slot_.segments.begin(), slot_.segments.end());
    }

    void add_segment(std::map<uint64_t, SegmentFile>::iterator at, uint64_t end,
                     int64_t newest_publish_ms) {
        const SegmentHeader& header = at->second.header;
        RecoveredSegment segment;
        segment.extent.segment = header.number;
        segment.extent.end = end;
        segment.extent.sealed = true;
        segment.extent.salt = header.salt;
        segment.extent.first_sequence = header.first_sequence;
        segment.size = at->second.size;
        segment.newest_publish_ms = newest_publish_ms;
        slot_.segments.push_back(segment);
        believed_.push_back(header.number);
    }

    // No cursor: nothing is known to be released but what is gone.
    void assume_cursor() {
        if (slot_.segments.empty()) return;
        slot_.cursor.base_sequence = slot_.segments.front().extent.first_sequence;
        slot_.cursor.totals.delivered = slot_.cursor.base_sequence - 1;
    }

    Status read_tail() {
        CursorState& cursor = slot_.cursor;
        Tail tail;
        tail.next_sequence = cursor.base_sequence;
        if (!slot_.segments.empty()) {
            RecoveredSegment& newest = slot_.segments.back();
            Result<Tail> scanned = scan(newest);
            if (!scanned) return scanned.error();
            tail = *scanned;
            newest.extent.end = tail.end;
            newest.newest_publish_ms = tail.newest_publish_ms;
            slot_.tail_clean = tail.clean;
        }

        uint64_t released_end = cursor.base_sequence;
        for (uint64_t i = cursor_window; i-- > 0;) {
            if (!cursor.is_released(cursor.base_sequence + i)) continue;
            released_end = cursor.base_sequence + i + 1;
            break;
        }
        slot_.next_sequence =
            std::max({tail.next_sequence, released_end, cursor.totals.last_sequence + 1});
        slot_.tail_lost = slot_.next_sequence > tail.next_sequence;
        if (slot_.tail_lost) {
            uint64_t lost =
                slot_.next_sequence - std::max(tail.next_sequence, cursor.base_sequence);
            if (lost > 0) {
                logger_.write(Severity::alert,
                              "up to " + std::to_string(lost) +
                                  " records at the end of a log are lost; "
                                  "they were written when the machine stopped");
            }
        }
        cursor.totals.redriven += tail.redriven;
        cursor.totals.last_sequence = slot_.next_sequence - 1;
        return {};
    }

    Result<Tail> scan(const RecoveredSegment& segment) {
        const Extent& extent = segment.extent;
        auto file = directory_.open(segment_file_name(extent.segment), Directory::Mode::read);
        if (!file) return file.error();
        SegmentScan records(std::move(*file), extent.salt, segment_header_size);

        Tail tail;
        tail.next_sequence = extent.first_sequence;
        for (;;) {
            Record record;
            Result<SegmentScan::Found> found = records.look(segment.size, record);
            if (!found) return found.error();
            // Behind a damaged place a gap in the sequences is what was lost there.
            bool expected =
                record.sequence == tail.next_sequence ||
                (records.offset() != tail.end && record.sequence > tail.next_sequence);
            if (*found == SegmentScan::Found::record && expected) {
                tail.next_sequence = record.sequence + 1;
                tail.newest_publish_ms = std::max(tail.newest_publish_ms, record.publish_ms);
                if (record.origin == Origin::redrive &&
                    record.sequence > slot_.cursor.totals.last_sequence) {
                    ++tail.redriven;
                }
                tail.end = records.offset() + record.encoded_size();
                records.move_to(tail.end);
                continue;
            }
            const uint64_t bad = records.offset();
            std::optional<uint64_t> next;
            if (*found != SegmentScan::Found::end) {
                auto whole = records.find(bad, segment.size, tail.next_sequence, 0);
                if (!whole) return whole.error();
                next = *whole;
            }
            tail.clean = !next || planted(Bug::torn_tail_resumed);
            if (!next) return tail;
            auto proof = records.find(bad, segment.size, tail.next_sequence, bad);
            if (!proof) return proof.error();
            if (!*proof) return tail;  // torn: never acknowledged
            records.move_to(*next);
        }
    }

    void sort_out_rest() {
        // Made ready for another place when the machine stopped; what it was before, its
        // name, was released. If it reached that place, too, both names are of one file.
        for (const auto& [file, header] : misplaced_) {
            const auto other = found_.find(header.number);
            if (other != found_.end() && other->second.header.salt == header.salt) {
                slot_.second_names.push_back(file.name);
            } else {
                slot_.spares.push_back(file);
            }
        }
        slot_.highest_number = std::max(slot_.highest_number, slot_.cursor.base.segment);
        for (const auto& [number, file] : found_) {
            if (std::find(believed_.begin(), believed_.end(), number) != believed_.end())
                continue;
            slot_.spares.push_back({segment_file_name(number), file.size});
        }
        for (const auto& [number, file] : damaged_) {
            bool needed = true;
            for (const RecoveredSegment& segment : slot_.segments) {
                if (segment.extent.segment > number &&
                    segment.extent.first_sequence <= slot_.cursor.base_sequence) {
                    needed = false;
                }
            }
            (needed ? slot_.unreadable : slot_.spares).push_back(file);
        }
    }

    // The segment where the base stood may have been given up before anything in it counted.
    // Reading starts where the base's record would stand, if there is one after all.
    void place_base() {
        CursorState& cursor = slot_.cursor;
        const auto is_base = [&](const RecoveredSegment& segment) {
            return segment.extent.segment == cursor.base.segment;
        };
        const auto& segments = slot_.segments;
        if (std::any_of(segments.begin(), segments.end(), is_base)) return;
        const auto segment =
            std::find_if(segments.rbegin(), segments.rend(), [&](const RecoveredSegment& each) {
                return each.extent.first_sequence <= cursor.base_sequence;
            });
        if (segment == segments.rend()) return;
        cursor.base = {segment->extent.segment, segment_header_size};
    }

    Directory& directory_;
    Logger& logger_;
    RecoveredSlot slot_;
    std::map<uint64_t, SegmentFile> found_;
    std::map<uint64_t, FoundFile> damaged_;
    std::vector<std::pair<FoundFile, SegmentHeader>> misplaced_;  // header and name differ
    std::vector<uint64_t> believed_;
    bool cursor_found_ = false;
};

}  // namespace

Result<RecoveredSlot> recover_slot(Directory& directory, Logger& logger) {
    return Recovery(directory, logger).run();
}

}  // namespace momento
