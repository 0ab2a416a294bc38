// The slots of one destination: directories SPOOL/<destination>/<slot>/ with random names,
// each owned by at most one process at a time, by flock on its file "lock". The kernel
// drops the lock with the process, so that nobody has to tell who died.
//
// Called by writers (claim) and by the delivery thread (adopt, survey). Safe from several
// threads of a process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/logger.h"
#include "base/random.h"
#include "base/result.h"
#include "spool/recovery.h"

namespace momento {

// Where dead letters stand in a spool, beside the destinations, whose names have no dot.
inline constexpr char dead_letter_directory[] = ".dead";

// The file that is locked by who owns a slot.
inline constexpr char slot_lock_file[] = "lock";

bool is_destination_name(std::string_view name);  // [A-Za-z0-9_-]{1,64}
bool is_slot_name(const std::string& name);       // 16 hex digits

struct Slot {
    std::string destination;
    std::string name;
    std::shared_ptr<Directory> above;  // where all slots of the destination stand
    std::shared_ptr<Directory> directory;
    std::unique_ptr<FileLock> lock;
    RecoveredSlot found;  // what its files said once it was locked
};

class Slots {
  public:
    // `parent` is the spool's directory; "<destination>" below it is made when needed.
    // `is_set_aside`, optional: slots that are not to be taken, said elsewhere.
    Slots(std::string spool_path, std::string destination, FileSystem& files, Random& random,
          Logger& logger, std::function<bool(const std::string& slot)> is_set_aside = {});

    // A slot to append to: a free one, or a new one. Durable in its directory on return.
    Result<std::unique_ptr<Slot>> claim();

    // A free slot with records pending in it; a null pointer if there is none.
    Result<std::unique_ptr<Slot>> adopt();

    // From now on, before any thread calls adopt(): it gives back what free slots need no more,
    // as far as it goes through them, and says so.
    struct Tidying {
        const Clock* clock = nullptr;
        int64_t retain_ms = 0;    // SpoolSettings::retain_ms
        SlotPublisher published;  // optional
    };
    void tidy_with(Tidying tidying) { tidying_ = std::move(tidying); }

    // That only, for slots whose records wait for a person.
    void tidy();

    // Slots that cannot be used (another format version, another owner, blocked) are left
    // alone by both, tried again with each call, and reported once each. One in which any
    // file cannot be read is not claimed.

    // Hears of slots that cannot be opened, and how many events are in them: 1 where that
    // cannot be told. Whoever opens one of them publishes its numbers. Set before anything is
    // called.
    std::function<void(const std::string& slot, uint64_t events)> on_blocked;

    const std::string& destination() const { return destination_; }

  private:
    // What a slot looked like when there was nothing pending in it (or nobody adopts it).
    struct Drained {
        uint64_t generation = 0;       // of its cursor
        uint64_t newest_segment = 0;   // an owner that appends makes one, or a generation
        int64_t again_ms = INT64_MAX;  // there is something to give back then, wall clock
        bool is_of(const Drained& seen, int64_t now_ms) const {
            return generation == seen.generation && newest_segment == seen.newest_segment &&
                   now_ms < again_ms;
        }
    };

    Result<std::shared_ptr<Directory>> open_destination(bool create);
    Result<std::unique_ptr<Slot>> try_slot(const std::shared_ptr<Directory>& parent,
                                           const std::string& name);
    Result<std::unique_ptr<Slot>> lock_slot(const std::shared_ptr<Directory>& parent,
                                            const std::string& name);
    Result<std::unique_ptr<Slot>> make_slot(const std::shared_ptr<Directory>& parent);
    Result<std::unique_ptr<Slot>> go_through(bool adopts);
    bool is_drained(Directory& parent, const std::string& name);
    int64_t give_back(Slot& slot);
    int64_t now_ms() const { return tidying_.clock ? tidying_.clock->wall_ms() : 0; }
    Result<RecoveredSlot> recover(Directory& slot, const std::string& name);
    bool is_free(const std::string& name) const;
    static Result<Drained> glance(Directory& slot);
    bool was_reported(const std::string& name);
    void report(Severity severity, const std::string& name, const std::string& what);

    const std::string spool_path_;
    const std::string destination_;
    FileSystem& files_;
    Random& random_;
    Logger& logger_;
    Tidying tidying_;
    const std::function<bool(const std::string& slot)> is_set_aside_;

    std::mutex mutex_;
    std::vector<std::string> reported_;
    std::map<std::string, Drained> drained_;
};

}  // namespace momento
