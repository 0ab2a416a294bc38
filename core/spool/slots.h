// The slots of one destination: directories SPOOL/<destination>/<slot>/ with random names,
// each owned by at most one process at a time, by flock on its file "lock". The kernel
// drops the lock with the process, so that nobody has to tell who died.
//
// Called by writers (claim) and by the delivery thread (adopt, survey). Safe from several
// threads of a process.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/logger.h"
#include "base/random.h"
#include "base/result.h"

namespace momento {

struct Slot {
    std::string destination;
    std::string name;
    std::shared_ptr<Directory> directory;
    std::unique_ptr<FileLock> lock;
};

class Slots {
  public:
    // `parent` is the spool's directory; "<destination>" below it is made when needed.
    Slots(std::string spool_path, std::string destination, FileSystem& files, Random& random,
          Logger& logger);

    // A slot to append to: a free one, or a new one. Durable in its directory on return.
    Result<std::unique_ptr<Slot>> claim();

    // A free slot with records pending in it, if there is one. Slots whose format version
    // is unknown are left alone, and reported once.
    Result<std::unique_ptr<Slot>> adopt();

    const std::string& destination() const { return destination_; }

  private:
    Result<std::unique_ptr<Slot>> lock_slot(Directory& parent, const std::string& name);

    const std::string spool_path_;
    const std::string destination_;
    FileSystem& files_;
    Random& random_;
    Logger& logger_;
    std::mutex mutex_;
    std::vector<std::string> reported_;
};

}  // namespace momento
