#include "destination/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "base/result.h"
#include "destination/event_json.h"

namespace momento {
namespace {

BatchResult all(size_t entries, const EntryVerdict& verdict) {
    BatchResult result;
    result.entries.assign(entries, verdict);
    return result;
}

}  // namespace

FileDestination::FileDestination(FileSettings settings, const Clock& clock)
    : settings_(std::move(settings)), clock_(clock) {}

size_t FileDestination::entry_size(const Record& record) const {
    return event_json_overhead + record.cache.size() + record.topic.size() + record.body.size();
}

void FileDestination::append_line(std::string& out, const Record& record,
                                  const FileSettings& settings) {
    append_event_json(out, record, settings.source, settings.region);
    const size_t detail = out.size() - 1 - record.body.size();
    // In valid JSON they stand between tokens only: inside strings they are escaped.
    for (size_t i = detail; i < out.size(); ++i) {
        if (out[i] == '\n' || out[i] == '\r') out[i] = ' ';
    }
    out += '\n';
}

void FileDestination::set_descriptor(int descriptor) {
    Descriptor newest(descriptor);
    std::lock_guard lock(mutex_);
    std::swap(newest_, newest);  // one that was never used is closed here
}

void FileDestination::take_descriptor() {
    Descriptor newest;
    {
        std::lock_guard lock(mutex_);
        std::swap(newest, newest_);
    }
    if (!newest) return;
    descriptor_ = std::move(newest);  // the old one is closed here, where that may take time
    reader_ = {};
    struct stat info {};
    if (fstat(descriptor_.get(), &info) != 0 || !S_ISREG(info.st_mode)) return;
    const std::string path = "/proc/self/fd/" + std::to_string(descriptor_.get());
    reader_ = Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

void FileDestination::send(std::vector<const Record*> batch, Done done) {
    batch_ = std::move(batch);
    done_ = std::move(done);
}

void FileDestination::step() {
    if (batch_.empty()) return;
    int64_t start_us = clock_.steady_us();
    BatchResult result = write_batch();
    result.elapsed_us = clock_.steady_us() - start_us;
    batch_.clear();
    std::exchange(done_, {})(std::move(result));
}

// True if the next line may stand right behind what is there.
bool FileDestination::ends_in_a_line() {
    if (!reader_) return !torn_;
    struct stat info {};
    if (fstat(reader_.get(), &info) != 0) return !torn_;
    if (info.st_size == 0) return true;
    char last = '\0';
    if (retry([&] { return pread(reader_.get(), &last, 1, info.st_size - 1); }) != 1) {
        return !torn_;
    }
    return last == '\n';
}

// One write() of lines_, as that says.
ssize_t FileDestination::append_lines() {
    // Of the process, unlike flock(): workers share the open file. Without a lock, as on some
    // devices, it goes on.
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    const bool is_locked =
        retry([&] { return fcntl(descriptor_.get(), F_SETLKW, &whole); }) == 0;
    if (!ends_in_a_line()) lines_.insert(0, 1, '\n');
    ssize_t written =
        retry([&] { return write(descriptor_.get(), lines_.data(), lines_.size()); });
    if (is_locked) {
        whole.l_type = F_UNLCK;
        fcntl(descriptor_.get(), F_SETLK, &whole);
    }
    return written;
}

BatchResult FileDestination::write_batch() {
    using Kind = EntryVerdict::Kind;
    take_descriptor();
    if (!descriptor_) {
        return all(batch_.size(), {Kind::hold, "FileNotOpen", "the file could not be opened"});
    }

    lines_.clear();
    for (const Record* record : batch_) append_line(lines_, *record, settings_);
    ssize_t written = append_lines();
    bool complete = written == static_cast<ssize_t>(lines_.size());
    if (written > 0) torn_ = !complete;
    const char* failed = !complete ? "WriteFailed" : nullptr;
    if (complete && settings_.sync == SyncMode::always &&
        retry([&] { return fdatasync(descriptor_.get()); }) == -1) {
        failed = "SyncFailed";
    }
    if (!failed) return all(batch_.size(), {Kind::delivered, {}, {}});

    std::string why = written > 0 && !complete
                          ? "write: only a part was written"
                          : system_error(complete ? "fdatasync" : "write").text;
    BatchResult result = all(batch_.size(), {Kind::retry, failed, why});
    result.unreachable = true;
    result.trouble = why;
    return result;
}

}  // namespace momento
