#include "destination/file_writer.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>

#include <chrono>
#include <thread>
#include <utility>

#include "base/result.h"

namespace momento {
namespace {

constexpr std::chrono::milliseconds between_tries{10};  // at another one's turn
constexpr int room_wait_ms = 100;                       // then it looks whether it is to stop
constexpr int most_looks = 100;  // at a file's end that others are at, too

}  // namespace

FileWriter::FileWriter(const std::string& path, const std::string& spool, SyncMode sync,
                       FileSystem& files)
    : sync_(sync), turn_(spool, path, files) {}

void FileWriter::set_descriptor(Descriptor descriptor) {
    std::lock_guard lock(mutex_);
    std::swap(newest_, descriptor);  // one that was never used is closed by the caller
}

void FileWriter::take_descriptor() {
    Descriptor newest;
    {
        std::lock_guard lock(mutex_);
        std::swap(newest, newest_);
    }
    if (!newest) return;
    descriptor_ = std::move(newest);  // the old one is closed here, where that may take time
    reader_ = {};
    is_torn_ = false;
    info_ = {};
    if (fstat(descriptor_.get(), &info_) != 0 || !S_ISREG(info_.st_mode)) return;
    const std::string path = "/proc/self/fd/" + std::to_string(descriptor_.get());
    reader_ = Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

FileWriter::Report FileWriter::write(std::string lines) {
    take_descriptor();
    if (!descriptor_) return {Outcome::not_open, "FileNotOpen", "the file could not be opened"};
    Report report = reader_ ? append(std::move(lines)) : write_in_turn(std::move(lines));
    return report.outcome == Outcome::written ? sync() : report;
}

// --- a file

// One write(): the kernel keeps appending ones apart. Who finds the file full, or is killed,
// may leave half of one.
FileWriter::Report FileWriter::append(std::string lines) {
    if (!ends_in_a_line()) lines.insert(0, 1, '\n');
    const ssize_t written =
        retry([&] { return ::write(descriptor_.get(), lines.data(), lines.size()); });
    if (written == static_cast<ssize_t>(lines.size())) {
        is_torn_ = false;
        return {};
    }
    if (written <= 0) return fail("WriteFailed", system_error("write").text);
    // At once, so that nobody writes behind it meanwhile; else before the next lines.
    is_torn_ = retry([&] { return ::write(descriptor_.get(), "\n", 1); }) != 1;
    return fail("WriteFailed", "write: only a part was written");
}

// True if the next line may stand right behind what is there. A part of one may be seen there
// that another process is writing just now: so, before it counts as half of one, a write() of
// nothing takes its turn with the others, and the file must have grown no more.
bool FileWriter::ends_in_a_line() const {
    off_t seen = 0;
    for (int look = 0; look < most_looks; ++look) {
        struct stat now {};
        if (fstat(reader_.get(), &now) != 0) return !is_torn_;
        if (now.st_size == 0) return true;
        char last = '\0';
        if (retry([&] { return pread(reader_.get(), &last, 1, now.st_size - 1); }) != 1) {
            return !is_torn_;
        }
        if (last == '\n') return true;
        if (now.st_size == seen) return false;
        seen = now.st_size;
        (void)!::write(descriptor_.get(), "", 0);
    }
    return false;
}

// --- a pipe

FileWriter::Report FileWriter::write_in_turn(std::string lines) {
    for (;;) {
        const Result<bool> taken = turn_.take();
        if (!taken) return fail("WriteFailed", taken.error().text);
        if (*taken) break;
        if (stopped_.load()) return {Outcome::stopped, "Stopping", "another one writes to it"};
        std::this_thread::sleep_for(between_tries);
    }
    const bool was_torn = turn_.is_torn(info_);
    if (was_torn) lines.insert(0, 1, '\n');
    // Of a pipe the kernel takes so much in one piece, or nothing of it (pipe(7)).
    const bool is_whole = S_ISFIFO(info_.st_mode) && lines.size() <= PIPE_BUF;
    Status marked;
    if (!is_whole) marked = turn_.mark(info_, true);
    Report report = marked ? write_all(lines) : fail("WriteFailed", marked.error().text);
    if (report.outcome == Outcome::written && (was_torn || !is_whole)) {
        // Left standing it costs an empty line.
        (void)turn_.mark(info_, false);
    }
    turn_.give_back();
    return report;
}

FileWriter::Report FileWriter::write_all(std::string_view lines) {
    bool has_begun = false;
    while (!lines.empty()) {
        const ssize_t written =
            retry([&] { return ::write(descriptor_.get(), lines.data(), lines.size()); });
        if (written >= 0) {
            has_begun = has_begun || written > 0;
            lines.remove_prefix(static_cast<size_t>(written));
            continue;
        }
        // Whoever shares the other side's terminal or pipe may have made it so.
        if (errno != EAGAIN) return fail("WriteFailed", system_error("write").text);
        if (stopped_.load()) {
            const Outcome outcome = has_begun ? Outcome::failed : Outcome::stopped;
            return {outcome, "Stopping", "nobody reads what is written to it"};
        }
        pollfd room{descriptor_.get(), POLLOUT, 0};
        poll(&room, 1, room_wait_ms);
    }
    return {};
}

// --- durability

FileWriter::Report FileWriter::sync() const {
    if (sync_ != SyncMode::always) return {};
    if (retry([&] { return fdatasync(descriptor_.get()); }) == 0) return {};
    // Of what cannot be synced, says fsync(2). A file on a disk that is read-only now is none.
    const bool has_no_sync =
        errno == EINVAL || errno == ENOTSUP || (errno == EROFS && !S_ISREG(info_.st_mode));
    if (has_no_sync) return {};
    return fail("SyncFailed", system_error("fdatasync").text);
}

FileWriter::Report FileWriter::fail(const char* code, const std::string& why) {
    return {Outcome::failed, code, why};
}

}  // namespace momento
