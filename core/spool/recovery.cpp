#include "spool/recovery.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "spool/cursor_file.h"
#include "spool/patched_file.h"
#include "spool/planted.h"
#include "spool/segment_chain.h"
#include "spool/segment_scan.h"

namespace momento {

namespace {

struct Tail {
    uint64_t end = segment_header_size;
    uint64_t next_sequence = 1;
    int64_t newest_publish_ms = 0;
    uint64_t redriven = 0;  // of the records behind the cursor's last sequence
    bool clean = false;     // RecoveredSlot::tail_clean
    bool in_doubt = false;  // what stands at its end cannot be read
};

std::string with_remedy(const Error& error) {
    const bool is_refused = error.code == EACCES || error.code == EPERM;
    return error.text + (is_refused ? "; give it to the user that workers run as (chown)" : "");
}

// One slot's recovery; its steps in the order in which they run.
class Recovery {
  public:
    Recovery(Directory& directory, std::string_view slot, Logger& logger)
        : directory_(directory), name_(slot), logger_(logger) {}

    Result<RecoveredSlot> run() {
        if (Status read = read_files(); !read) return read.error();
        if (Status read = read_cursor_file(); !read) return read.error();
        if (slot_.foreign) {
            RecoveredSlot foreign;
            foreign.foreign = true;
            return foreign;
        }
        if (Status read = read_chain(); !read) return read.error();
        settle_unread();
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
            if (file.error().code != ENOENT) note_unreadable(name, 0, file.error());
            return {};
        }
        Result<uint64_t> size = (*file)->size();
        if (!size) {
            note_unreadable(name, 0, size.error());
            return {};
        }
        if (is_spare_name(name)) {
            slot_.spares.push_back({name, *size});
            return {};
        }
        if (!number) {
            uint64_t& bytes = is_damaged_name(name) ? slot_.aside_bytes : slot_.other_bytes;
            if (!is_cursor_name(name)) bytes += *size;
            return {};
        }

        slot_.highest_number = std::max(slot_.highest_number, *number);
        std::string bytes(segment_header_size, '\0');
        Result<size_t> read = (*file)->read_at(0, bytes.data(), bytes.size());
        if (!read) {
            note_unreadable(name, *size, read.error());
            return {};
        }
        bytes.resize(*read);
        DecodedHeader decoded = decode_segment_header(bytes);
        switch (decoded.state) {
            case HeaderState::valid:
                if (decoded.header.number == *number) {
                    found_[*number] = {decoded.header, *size};
                } else {
                    // Made ready for another place, or a copy.
                    bad_[*number] = {{{name, *size},
                                      "it has the header of segment " +
                                          std::to_string(decoded.header.number)},
                                     decoded.header};
                }
                break;
            case HeaderState::blank:
                bad_[*number] = {{{name, *size}, "it is blank"}, {}};
                break;
            case HeaderState::damaged:
                bad_[*number] = {{{name, *size}, "it has no readable header"}, {}};
                break;
            case HeaderState::foreign:
                slot_.foreign = true;
                break;
        }
        return {};
    }

    void note_unreadable(const std::string& name, uint64_t size, const Error& error) {
        if (is_cursor_name(name)) return;  // it is read by itself
        BadFile file{{name, size}, with_remedy(error)};
        std::optional<uint64_t> number = segment_number(name);
        if (!number) {
            if (is_spare_name(name)) slot_.unreadable.push_back(std::move(file));
            return;
        }
        slot_.highest_number = std::max(slot_.highest_number, *number);
        unread_[*number] = std::move(file);
    }

    Status read_cursor_file() {
        bool foreign = false;
        Result<std::optional<CursorState>> cursor = read_cursor(directory_, &foreign);
        if (foreign) {
            slot_.foreign = true;
        } else if (cursor) {
            cursor_found_ = cursor->has_value();
            cursor_missing_ = !cursor_found_;
            if (cursor_found_) slot_.cursor = **cursor;
            slot_.noted_sequence = slot_.cursor.totals.last_sequence;
        } else if (cursor.error().code != 0) {
            block("what of it is delivered cannot be read: " + with_remedy(cursor.error()));
        } else {
            logger_.write(Severity::alert, cursor.error().text +
                                               "; all records that are left will be "
                                               "delivered again");
        }
        return {};
    }

    // Oldest first. What comes behind one whose end nobody vouches for was damaged.
    Status read_chain() {
        BadNumbers bad;
        for (const auto& numbered : bad_) bad.push_back(numbered.first);
        for (const auto& numbered : unread_) bad.push_back(numbered.first);
        chain_ = follow_chain(found_, bad, name_, slot_.cursor.base_sequence, shared_segment());
        for (size_t i = 0; i < chain_.size(); ++i) {
            const ChainLink& link = chain_[i];
            const FoundSegment& found = found_.at(link.number);
            insert_unread(found.header);
            RecoveredSegment segment;
            segment.extent.segment = link.number;
            segment.extent.end = link.end;
            segment.extent.sealed = true;
            segment.extent.salt = found.header.salt;
            segment.extent.first_sequence = found.header.first_sequence;
            segment.size = found.size;
            segment.newest_publish_ms = link.newest_publish_ms;
            const bool is_newest = i + 1 == chain_.size();
            if (!link.vouched && !is_newest) {
                const uint64_t next = first_behind(found_.at(chain_[i + 1].number).header);
                Result<Tail> tail = scan(segment, std::min(next, first_elsewhere(segment)));
                if (!tail) return tail.error();
                if (tail->in_doubt) block_for_end_of(link.number);
                segment.extent.end = tail->end;
                segment.newest_publish_ms =
                    std::max(segment.newest_publish_ms, tail->newest_publish_ms);
                next_in_chain_ = tail->next_sequence;
            }
            slot_.segments.push_back(segment);
        }
        return {};
    }

    // The first sequence that stands in no segment before the one with this header, or before
    // its predecessor if that cannot be read.
    uint64_t first_behind(const SegmentHeader& header) const {
        const bool is_noted = header.predecessor_first_sequence != 0;
        const bool is_unread = unread_.count(header.predecessor) > 0;
        return is_noted && is_unread ? header.predecessor_first_sequence
                                     : header.first_sequence;
    }

    // The predecessor that this header names, if it cannot be read: what it holds, and where
    // it ends, stands here. Its first record is the one behind the last segment's last; or the
    // base's, if that stands in it: what was refused may be left in the last segment.
    void insert_unread(const SegmentHeader& behind) {
        const auto unread = unread_.find(behind.predecessor);
        if (unread == unread_.end() || behind.predecessor_salt == Salt{}) return;
        if (behind.first_sequence <= slot_.cursor.base_sequence) return;
        RecoveredSegment segment;
        segment.extent.segment = behind.predecessor;
        segment.extent.end = behind.predecessor_end;
        segment.extent.sealed = true;
        segment.extent.salt = behind.predecessor_salt;
        const bool has_base = slot_.cursor.base.segment == behind.predecessor;
        const uint64_t base = slot_.cursor.base_sequence;
        const uint64_t noted = behind.predecessor_first_sequence;
        segment.extent.first_sequence =
            has_base ? base : std::max(noted != 0 ? noted : next_in_chain_, base);
        segment.size = std::max(unread->second.file.size, behind.predecessor_end);
        segment.newest_publish_ms = behind.predecessor_newest_publish_ms;
        segment.unread = true;
        slot_.unreadable.push_back(unread->second);
        slot_.segments.push_back(segment);
        unread_.erase(unread);
    }

    // No cursor: nothing is known to be released but what is gone.
    void assume_cursor() {
        if (slot_.segments.empty() || is_first_missed()) return;
        slot_.cursor.base_sequence = slot_.segments.front().extent.first_sequence;
        slot_.cursor.totals.delivered = slot_.cursor.base_sequence - 1;
    }

    // A segment is given back when a cursor has noted it. Where there never was one, the first
    // segment was not: if it is gone it was damaged.
    bool is_first_missed() const {
        const auto front = found_.find(slot_.segments.front().extent.segment);
        if (!cursor_missing_ || front == found_.end()) return false;
        const SegmentHeader& header = front->second.header;
        // Its number is another one if it could not be made at first.
        return header.predecessor == 1 || header.predecessor_first_sequence == 1;
    }

    Status read_tail() {
        CursorState& cursor = slot_.cursor;
        Tail tail;
        tail.next_sequence = cursor.base_sequence;
        if (!slot_.segments.empty()) {
            RecoveredSegment& newest = slot_.segments.back();
            Result<Tail> scanned = scan(newest, first_elsewhere(newest));
            if (!scanned) return scanned.error();
            tail = *scanned;
            if (tail.in_doubt) block_for_end_of(newest.extent.segment);
            newest.extent.end = tail.end;
            newest.newest_publish_ms = tail.newest_publish_ms;
            // What is appended stands in the base's segment or behind it, too.
            slot_.tail_clean = tail.clean && !lies_before_base(newest);
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
            if (lost > 0 && slot_.blocked.empty()) {
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

    // Of a waiting slot, as long as something in it is pending; 0: none. What vouched for it
    // may be damaged.
    uint64_t shared_segment() const {
        const CursorState& cursor = slot_.cursor;
        return cursor.base_sequence < cursor.own_from ? cursor.base.segment : 0;
    }

    // One that was removed, and that a power loss has brought back: without the one behind it
    // whose header said where it ends.
    bool lies_before_base(const RecoveredSegment& segment) const {
        return segment.extent.segment < slot_.cursor.base.segment;
    }

    // The sequence from which on nothing in the segment is the log's: it is another slot's, or
    // was refused when the segment was given up.
    uint64_t first_elsewhere(const RecoveredSegment& segment) const {
        const CursorState& cursor = slot_.cursor;
        uint64_t first = lies_before_base(segment) ? cursor.base_sequence : UINT64_MAX;
        const auto found = found_.find(segment.extent.segment);
        const bool is_others = found != found_.end() && found->second.header.slot != name_;
        if (is_others && cursor.own_from != 0) first = std::min(first, cursor.own_from);
        return first;
    }

    // What has the sequence `before` or a later one stands in a later segment: where the
    // segment was given up, records may be left in it that were refused.
    Result<Tail> scan(const RecoveredSegment& segment, uint64_t before = UINT64_MAX) {
        const Extent& extent = segment.extent;
        auto file = directory_.open(segment_file_name(extent.segment), Directory::Mode::read);
        if (!file) return file.error();
        auto patched = std::make_shared<PatchedFile>(std::move(*file));
        SegmentScan records(patched, extent.salt, segment_header_size);

        Tail tail;
        tail.next_sequence = extent.first_sequence;
        for (;;) {
            Record record;
            Result<SegmentScan::Found> found = records.look(segment.size, record);
            if (!found) return found.error();
            if (*found == SegmentScan::Found::record && record.sequence >= before) {
                if (patched->has_hole(tail.end, records.offset())) {
                    // Which holds what is missing before it, as far as that stands here.
                    tail.end = records.offset();
                    if (extent.segment == shared_segment()) tail.next_sequence = before;
                }
                return tail;
            }
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
            // What cannot be read may be whole.
            const bool is_read = !patched->has_hole(bad, segment.size);
            tail.clean = (!next && is_read) || planted(Bug::torn_tail_resumed);
            if (!next) {
                tail.in_doubt = !is_read && hides_record(*patched, bad, segment.size);
                return tail;
            }
            auto proof = records.find(bad, segment.size, tail.next_sequence, bad);
            if (!proof) return proof.error();
            if (!*proof) {
                // Torn, and never acknowledged: if it can be read that no record stands there.
                tail.in_doubt = hides_record(*patched, bad, segment.size);
                return tail;
            }
            // What cannot be read may have been torn, unless it was synced to its end.
            const uint64_t unread_end = patched->hole_end(bad, *next);
            if (unread_end > bad) {
                proof = records.find(bad, segment.size, tail.next_sequence, unread_end - 1);
                if (!proof) return proof.error();
                tail.in_doubt = !*proof;
                if (tail.in_doubt) return tail;
            }
            records.move_to(*next);
        }
    }

    // Whether what stands at `at` may be a record that cannot be read.
    static bool hides_record(PatchedFile& file, uint64_t at, uint64_t end) {
        std::string header(record_header_size, '\0');
        Result<size_t> read = file.read_at(at, header.data(), header.size());
        if (!read || file.has_hole(at, at + header.size())) return true;
        header.resize(*read);
        std::optional<RecordOutline> outline = outline_record(header);
        return outline && outline->size <= end - at && file.has_hole(at, at + outline->size);
    }

    void block(const std::string& why) {
        if (slot_.blocked.empty()) slot_.blocked = why;
    }

    void block_for_end_of(uint64_t segment) {
        block("where \"" + segment_file_name(segment) + "\" ends cannot be read");
    }

    // Of which nothing tells what they hold.
    void settle_unread() {
        for (const auto& [number, file] : unread_) {
            if (may_be_missed(number)) block(file.what);
            slot_.unreadable.push_back(file);
        }
    }

    void sort_out_rest() {
        slot_.highest_number = std::max(slot_.highest_number, slot_.cursor.base.segment);
        for (const auto& [number, segment] : found_) {
            const bool is_believed = std::any_of(
                chain_.begin(), chain_.end(),
                [number = number](const auto& link) { return link.number == number; });
            if (is_believed) continue;
            FoundFile file{segment_file_name(number), segment.size};
            if (segment.header.slot != name_ && may_be_missed(number)) {
                std::string what = "it belongs to slot \"" + segment.header.slot + '"';
                slot_.damaged.push_back({std::move(file), std::move(what)});
            } else {
                slot_.spares.push_back(std::move(file));
            }
        }
        for (const auto& [number, bad] : bad_) {
            // Made ready for another place when the machine stopped; what it was before, its
            // name, was released. If it reached that place, too, both names are of one file.
            const auto other = found_.find(bad.header.number);
            const bool is_second_name =
                other != found_.end() && other->second.header.salt == bad.header.salt;
            if (may_be_missed(number) && !was_recycled(number, bad.header)) {
                slot_.damaged.push_back(bad.file);
            } else if (is_second_name) {
                slot_.second_names.push_back(bad.file.file.name);
            } else {
                slot_.spares.push_back(bad.file.file);
            }
        }
    }

    bool may_be_missed(uint64_t number) const {
        return momento::may_be_missed(number, chain_, found_, slot_.cursor.base_sequence);
    }

    // In a log of which nothing is left, and nothing is pending: whatever is used again was
    // released.
    bool was_recycled(uint64_t number, const SegmentHeader& header) const {
        return chain_.empty() && slot_.cursor.totals.pending() == 0 && header.number > number &&
               header.slot == name_;
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
        // Nothing behind the base is left: what is appended will stand there.
        if (!segments.empty() && lies_before_base(segments.back())) return;
        const auto segment =
            std::find_if(segments.rbegin(), segments.rend(), [&](const RecoveredSegment& each) {
                return each.extent.first_sequence <= cursor.base_sequence;
            });
        if (segment == segments.rend()) return;
        cursor.base = {segment->extent.segment, segment_header_size};
    }

    struct Bad {
        BadFile file;
        SegmentHeader header;  // if it has another segment's
    };

    Directory& directory_;
    const std::string_view name_;
    Logger& logger_;
    RecoveredSlot slot_;
    std::map<uint64_t, FoundSegment> found_;
    std::map<uint64_t, Bad> bad_;
    std::map<uint64_t, BadFile> unread_;  // segments
    uint64_t next_in_chain_ = 0;          // the sequence behind the last segment's last
    std::vector<ChainLink> chain_;
    bool cursor_found_ = false;
    bool cursor_missing_ = false;  // there is no file
};

}  // namespace

Result<RecoveredSlot> recover_slot(Directory& directory, std::string_view slot,
                                   Logger& logger) {
    return Recovery(directory, slot, logger).run();
}

}  // namespace momento
