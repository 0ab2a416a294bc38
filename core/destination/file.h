// Writes events to a file, one line each, in the shape EventBridge delivers them: for
// trying things out, for tests, and for machines without AWS.
//
// Belongs to the delivery thread, but for set_descriptor(), and never waits for the file: a
// batch's lines are copied and written by an errand (FileWriter), one batch at a time. While
// it is under way the batch is not sent again. It counts as delivered when it is written, and
// synced with SyncMode::always, unless the file is of a kind that cannot be.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/errands.h"
#include "destination/destination.h"
#include "destination/file_writer.h"
#include "spool/log.h"

namespace momento {

struct DestinationKind;

extern const DestinationKind file_kind;

struct FileSettings {
    std::string name;  // of the destination
    std::string path;
    std::string spool;
    std::string source = "Momento";
    std::string region;  // empty: "local"
    BatchLimits limits;
    SyncMode sync = SyncMode::always;
};

class FileDestination final : public Destination {
  public:
    // `errands`: null: in place.
    FileDestination(FileSettings settings, const Clock& clock, FileSystem& files,
                    Errands* errands);

    BatchLimits limits() const override { return settings_.limits; }
    size_t entry_size(const Record& record) const override;
    void send(std::vector<const Record*> batch, Done done) override;
    void step() override;
    void stop_sending() override { writer_->stop(); }
    void set_descriptor(int descriptor) override;

    // One: the lines of a batch, and batches, are in order.
    size_t max_in_flight() const override { return 1; }

    // One event's line, line break included.
    static void append_line(std::string& out, const Record& record,
                            const FileSettings& settings);

  private:
    struct Batch {
        std::string lines;
        size_t entries = 0;
        Done done;
    };

    ErrandName errand_name() const;
    BatchResult read(const FileWriter::Report& report, size_t entries) const;

    const FileSettings settings_;
    const Clock& clock_;
    Errands* const errands_;
    const std::shared_ptr<FileWriter> writer_;
    std::optional<Batch> sent_;  // begins with the next step
};

}  // namespace momento
