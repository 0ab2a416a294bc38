// Writes events to a file, one line each, in the shape EventBridge delivers them: for
// trying things out, for tests, and for machines without AWS.
//
// Belongs to the delivery thread, but for set_descriptor(). One batch is one write() to a
// descriptor opened for appending, so that workers can share the file; it counts as
// delivered after fdatasync (SyncMode::always). What a write left half done, in this
// process or in one that has died, ends with a line break before the next batch: a lock on
// the file's last place keeps other processes away from looking there to writing.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/descriptor.h"
#include "destination/destination.h"
#include "spool/log.h"

namespace momento {

struct FileSettings {
    std::string source = "Momento";
    std::string region;  // empty: "local"
    BatchLimits limits;
    SyncMode sync = SyncMode::always;
};

class FileDestination final : public Destination {
  public:
    FileDestination(FileSettings settings, const Clock& clock);

    BatchLimits limits() const override { return settings_.limits; }
    size_t entry_size(const Record& record) const override;
    void send(std::vector<const Record*> batch, Done done) override;
    void step() override;
    void set_descriptor(int descriptor) override;

    // One: the lines of a batch, and batches, are in order.
    size_t max_in_flight() const override { return 1; }

    // One event's line, line break included.
    static void append_line(std::string& out, const Record& record,
                            const FileSettings& settings);

  private:
    BatchResult write_batch();
    ssize_t append_lines();
    bool ends_in_a_line();
    void take_descriptor();

    const FileSettings settings_;
    const Clock& clock_;

    std::vector<const Record*> batch_;
    Done done_;
    std::string lines_;
    Descriptor descriptor_;
    Descriptor reader_;  // of the same file; none: not a file, or not for this user
    bool torn_ = false;  // this process left the file's end in the middle of a line

    std::mutex mutex_;  // held for a swap only
    Descriptor newest_;
};

}  // namespace momento
