// Whose turn it is to write to a file that cannot be looked at (a pipe, a terminal), and
// whether its last line has its end.
//
// Workers that write to it at the same time would write into each other's lines, so each takes
// a lock in the spool: tried, never waited for. A mark beside it says that somebody is in the
// middle of a line, and stays if that one dies. By the file's path, in SPOOL/.files/.
//
// Blocks on the disk; belongs to whoever writes.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>

#include "base/file_system.h"

namespace momento {

class PipeTurn {
  public:
    PipeTurn(std::string spool, const std::string& path, FileSystem& files);

    // False: it is another one's.
    Result<bool> take();
    void give_back() { lock_.reset(); }

    // While it is this one's turn. `file`: the one that is written to now; what was said of
    // another one of the same path, before a restart, means nothing.
    bool is_torn(const struct stat& file);
    Status mark(const struct stat& file, bool is_torn);

  private:
    Status open();

    const std::string spool_;
    const std::string name_;
    FileSystem& files_;
    std::unique_ptr<Directory> directory_;
    std::unique_ptr<File> mark_;
    std::unique_ptr<FileLock> lock_;
};

}  // namespace momento
