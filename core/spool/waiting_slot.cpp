#include "spool/waiting_slot.h"

#include <memory>
#include <utility>

#include "spool/cursor.h"
#include "spool/cursor_file.h"
#include "spool/segment.h"

namespace momento {
namespace {

constexpr std::string_view unfinished_suffix = ".new";  // of what is no slot yet

bool is_unfinished(std::string_view name) {
    return name.size() == slot_name_length + unfinished_suffix.size() &&
           name.substr(slot_name_length) == unfinished_suffix;
}

void remove_all(Directory& above, Directory& directory, const std::string& name) {
    auto files = directory.list();
    if (!files) return;
    for (const std::string& file : *files) {
        if (file != slot_lock_file) (void)directory.remove(file);
    }
    (void)directory.remove(slot_lock_file);
    (void)above.remove(name);
}

// What a process that was killed has left.
void remove_unfinished(Directory& above) {
    auto names = above.list();
    if (!names) return;
    for (const std::string& name : *names) {
        if (!is_unfinished(name)) continue;
        auto directory = above.open_directory(name, false);
        if (!directory) continue;
        auto lock = (*directory)->try_lock(slot_lock_file);
        if (!lock || !*lock) continue;
        // Who made it may have finished, and renamed it, since it was opened.
        if (above.open_directory(name, false)) remove_all(above, **directory, name);
    }
}

// Records that are released stand between those that are pending, and behind them.
uint64_t sequence_behind(const WaitingRecords& records) {
    return records.found.sequences.back().second;
}

CursorState cursor_of(const WaitingRecords& records) {
    CursorState cursor;
    cursor.generation = 1;
    cursor.base_sequence = records.pending.front();
    cursor.base = {records.found.segment, records.found.from};
    const uint64_t behind = sequence_behind(records);
    auto pending = records.pending.begin();
    for (uint64_t bit = 0; bit < cursor_window && cursor.base_sequence + bit < behind; ++bit) {
        if (pending != records.pending.end() && *pending == cursor.base_sequence + bit) {
            ++pending;
        } else {
            cursor.released[bit / 64] |= uint64_t{1} << (bit % 64);
        }
    }
    cursor.own_from = behind;
    cursor.totals.last_sequence = behind - 1;
    cursor.totals.requeued = cursor.totals.last_sequence - records.pending.size();
    return cursor;
}

Status write_next_segment(Directory& directory, const SegmentHeader& header) {
    auto file = directory.open(segment_file_name(header.number), Directory::Mode::create);
    if (!file) return file.error();
    if (Status written = (*file)->write_at(0, encode_segment_header(header)); !written) {
        return written;
    }
    return (*file)->sync();
}

}  // namespace

Result<WaitingSlot> make_waiting_slot(const Slot& slot, const WaitingRecords& records,
                                      int64_t now_ms, Random& random) {
    Directory& above = *slot.above;
    remove_unfinished(above);

    const std::string name = hex16(random.number());
    const std::string unfinished = name + std::string(unfinished_suffix);
    auto opened = above.open_directory(unfinished, true);
    if (!opened) return opened.error();
    const std::shared_ptr<Directory> directory = std::move(*opened);
    auto lock = directory->try_lock(slot_lock_file);
    if (!lock) {
        (void)above.remove(unfinished);
        return lock.error();
    }
    if (!*lock) return Error{"\"" + unfinished + "\" was taken as it was made", EAGAIN};

    SegmentHeader next;
    random.fill(next.salt.data(), next.salt.size());
    next.number = records.found.segment + 1;
    next.first_sequence = sequence_behind(records);
    next.predecessor = records.found.segment;
    next.predecessor_salt = records.found.salt;
    next.predecessor_end = records.found.to;
    next.predecessor_newest_publish_ms = records.newest_publish_ms;
    next.created_ms = now_ms;
    next.slot = name;
    next.destination = slot.destination;

    Status made = write_next_segment(*directory, next);
    if (made) made = slot.directory->link(segment_file_name(next.predecessor), *directory);
    if (made) made = CursorFile(directory, nullptr).make(cursor_of(records));
    if (made) made = directory->sync();
    if (!made) {
        remove_all(above, *directory, unfinished);
        return made.error();
    }
    // If it stands there after a crash all the same, it delivers what the old one still has,
    // too.
    if (Status named = above.rename(unfinished, name); !named) {
        remove_all(above, *directory, unfinished);
        return named.error();
    }
    if (Status synced = above.sync(); !synced) {
        remove_all(above, *directory, name);
        return synced.error();
    }
    return WaitingSlot{name, std::move(*lock), records.pending.back()};
}

}  // namespace momento
