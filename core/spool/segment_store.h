// The segment files of one slot: makes them ready, puts them to use, takes them back, and
// keeps the log within its bound.
//
// Files wait as spares: zeroed, or consumed ones with what they held. New ones are zeroed
// in small pieces by prepare(); nobody waits for a whole one: a spare may be
// used as it is, being a smaller segment then, and if there is none a small one is made on
// the spot. So appending never allocates, and the first event waits for at most
// `first_segment_size` of zeros.
//
// The largest spare is the reserve. Only who may use it gets it: what is requeued must find
// room in a full log, or one bad record would block it for ever. Where the reserve is gone,
// too, the record that the cursor waits for goes beyond the bound, by a segment at most: only
// such records get one then, and each that the cursor has passed is given back.
//
// Belongs to the writer's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/random.h"
#include "base/result.h"
#include "spool/cursor.h"
#include "spool/log.h"
#include "spool/recovery.h"
#include "spool/segment.h"
#include "spool/steps.h"

namespace momento {

inline constexpr uint64_t first_segment_size = 1u << 20;

// What a record may be stored in. Each includes the ones before it.
enum class Room {
    bound,    // the log's bound, without the reserve
    reserve,  // letters, and what is requeued
    beyond,   // what nothing else would make room for
    count
};

class SegmentStore {
  public:
    SegmentStore(std::shared_ptr<Directory> directory,
                 std::shared_ptr<const SpoolSettings> settings, Random& random,
                 StepObserver* observer, const RecoveredSlot& slot);

    struct Activated {
        std::unique_ptr<File> file;
        uint64_t size = 0;
        Room from = Room::bound;
    };

    // A segment with this header (whose salt is filled in) and space for `bytes` of records,
    // durable under its name. ENOSPC: the disk or the log's bound is reached.
    Result<Activated> activate(SegmentHeader& header, uint64_t bytes, Room room);

    // After activate() has failed: whether that segment may stand under its name all the
    // same, now or after the machine has stopped. Its header then ends its predecessor where
    // it ended, and nothing that is appended there from now on would be believed.
    bool may_turn_up() const { return may_turn_up_; }

    // Whether a file may be written to: another slot may have it, too (waiting_slot.h).
    bool is_own(const std::string& name) const;

    // True if activate() would find it within Room::bound.
    bool has_room(uint64_t bytes) const;

    // What all that there is takes of the bound: whose a segment is that was found.
    Room room_taken() const;

    // The reserve is there, whole.
    bool reserve_ready() const;

    // Takes a consumed segment back. Its releases must be durable. `keep` = false: the file
    // is removed (what failed once is not used again).
    Status recycle(uint64_t number, uint64_t size, bool keep);

    // One small piece of zeros, if there are no `wanted` whole spares, at most most_spares.
    // True if a piece was made.
    Result<bool> prepare(size_t wanted);

    static constexpr size_t most_spares = 2;  // the reserve, and one ahead
    size_t spares() const { return spares_.size(); }
    Status remove_smallest();  // of the spares

    // Removes a spare that is larger than segments are now, if there is one. True if there
    // was: it stood in the way of what the bound has room for.
    Result<bool> remove_outsized();

    // Sets segments aside that cannot be believed, while there is room for what is kept;
    // they are used again if there is none. What it did with each, for people. Errors are
    // tolerated: the file stays where it is, and is not touched.
    std::vector<std::string> set_aside(const std::vector<BadFile>& damaged);

    uint64_t bytes() const { return bytes_ + cursor_file_size; }  // of the slot's files

    // How much of what may hold records does, about 1 being all of it: spares hold none, and
    // the reserve is not for everybody. `unwritten`: bytes that the tail still has space for.
    double fullness(uint64_t unwritten) const;

  private:
    void take_back(const FoundFile& file);
    bool fits(uint64_t added) const;
    Error log_full() const;
    uint64_t excess(uint64_t segment_size) const;
    uint64_t reserve_gap() const;
    uint64_t roomy(uint64_t size) const;
    Result<size_t> choose(uint64_t size, Room room, Room* from);
    Result<size_t> ready(size_t index, uint64_t size, uint64_t kept_free);
    Result<size_t> make(uint64_t size, uint64_t kept_free);
    Result<size_t> make_unbounded(uint64_t size);
    Status zero(const std::string& name, Directory::Mode mode, uint64_t from, uint64_t to);
    Status put_to_use(File& file, const std::string& spare, const SegmentHeader& header);
    Status remove(const std::string& name, uint64_t size);
    void add_spare(FoundFile spare);

    std::shared_ptr<Directory> directory_;
    std::shared_ptr<const SpoolSettings> settings_;
    Random& random_;
    StepObserver* observer_;
    std::vector<FoundFile> spares_;  // largest first
    uint64_t bytes_ = 0;             // of all files but the cursor's and what is kept aside
    uint64_t aside_bytes_;
    uint64_t excess_ = 0;     // of it in segments that other settings made larger
    bool disk_full_ = false;  // when something was written last
    bool may_turn_up_ = false;
};

}  // namespace momento
