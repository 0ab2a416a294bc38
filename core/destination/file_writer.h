// Writes lines to a file that somebody else opened for appending, and that other processes
// write to as well: whole lines, and nothing behind half of one.
//
// Blocks for as long as the file does, so it is called from a thread that nobody waits for, one
// call at a time; set_descriptor() and stop() from any thread. No lock is taken on the file:
// any user who may read it could hold one. What can be read back gets its lines by one write,
// behind a look at its end. What cannot, a pipe above all, is written to in turn (PipeTurn).
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/file_system.h"
#include "destination/pipe_turn.h"
#include "spool/log.h"

namespace momento {

class FileWriter {
  public:
    enum class Outcome {
        written,   // and synced, if it is to be and can be
        not_open,  // no descriptor was handed over
        stopped,   // before any of it was written
        failed,    // some of it may be in the file
    };
    struct Report {
        Outcome outcome = Outcome::written;
        const char* code = "";  // what failed: "WriteFailed", "SyncFailed"
        std::string why;
    };

    // `spool`: the directory of the turns.
    FileWriter(const std::string& path, const std::string& spool, SyncMode sync,
               FileSystem& files);

    // To be used from the next call of write() on.
    void set_descriptor(Descriptor descriptor);

    // What waits for its turn, or for room in a pipe that tells, waits no more.
    void stop() { stopped_.store(true); }

    // Whole lines, line breaks included.
    Report write(std::string lines);

  private:
    void take_descriptor();
    Report append(std::string lines);
    bool ends_in_a_line() const;
    Report write_in_turn(std::string lines);
    Report write_all(std::string_view lines);
    Report sync() const;
    static Report fail(const char* code, const std::string& why);

    const SyncMode sync_;
    PipeTurn turn_;
    std::atomic<bool> stopped_{false};

    Descriptor descriptor_;
    struct stat info_ {};   // of it
    Descriptor reader_;     // of the same file; none: not a file, or not for this user
    bool is_torn_ = false;  // this process left the file's end in the middle of a line

    std::mutex mutex_;  // held for a swap only
    Descriptor newest_;
};

}  // namespace momento
