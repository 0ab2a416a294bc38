#include "ingest/secret_file_watcher.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <tuple>
#include <utility>

namespace momento {
namespace {

constexpr int64_t look_interval_us = 1'000'000;

// A look that takes longer hangs: whoever waits for it hears that nobody knows.
constexpr int64_t hangs_after_us = 1'000'000;

// So soon after its last change a file may change again and look the same: what it is told
// apart by is no finer than the kernel's clock tick.
constexpr int64_t young_ms = 2'000;

int64_t to_ms(const timespec& time) {
    return int64_t{time.tv_sec} * 1'000 + time.tv_nsec / 1'000'000;
}

// What changes whenever the content may have.
struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    int64_t modified_ns = 0;
    int64_t changed_ns = 0;

    bool operator==(const Identity& other) const {
        const auto all = [](const Identity& id) {
            return std::tie(id.device, id.inode, id.size, id.modified_ns, id.changed_ns);
        };
        return all(*this) == all(other);
    }
};

struct Look {
    std::optional<Identity> identity;  // nothing: it cannot be looked at
    int64_t modified_ms = 0;
    int64_t changed_ms = 0;  // or put in its place
};

Look look_at(const std::string& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return {};
    const auto ns = [](const timespec& time) {
        return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
    };
    return {
        Identity{info.st_dev, info.st_ino, info.st_size, ns(info.st_mtim), ns(info.st_ctim)},
        to_ms(info.st_mtim), to_ms(info.st_ctim)};
}

}  // namespace

struct SecretFileWatcher::Watched {
    SecretSource source;
    std::shared_ptr<const SecretSet> set;  // null: nothing is known
    int64_t known_ms;                      // when whoever read the configuration read it
    Look seen;
    bool was_seen = false;
    bool young = false;    // when it was read
    bool looking = false;  // an errand is under way
    int64_t asked_us = 0;  // since then
    bool wanted = false;
    int64_t due_us = 0;            // steady clock
    int64_t may_be_wanted_us = 0;  // from when on a wish counts
    bool failed = false;           // to be read, the last time

    explicit Watched(SecretFile file)
        : source(std::move(file.source)), set(std::move(file.known)), known_ms(file.known_ms) {}
};

// What an errand brings back.
struct SecretFileWatcher::Seen {
    Look look;
    std::optional<Result<SecretValue>> value;  // nothing: it is what it was
};

SecretFileWatcher::SecretFileWatcher(std::vector<SecretFile> files, const Clock& clock,
                                     Logger& logger, Errands* errands, Deliver deliver,
                                     MaySay may_say)
    : clock_(clock),
      logger_(logger),
      errands_(errands),
      deliver_(std::move(deliver)),
      may_say_(std::move(may_say)) {
    for (SecretFile& file : files) files_.emplace_back(std::move(file));
    for (Watched& file : files_) file.due_us = clock_.steady_us();  // at once
}

SecretFileWatcher::~SecretFileWatcher() = default;

void SecretFileWatcher::step() {
    for (size_t index = 0; index < files_.size(); ++index) {
        Watched& file = files_[index];
        const int64_t now_us = clock_.steady_us();
        if (now_us < look_us(file)) continue;
        if (!file.looking) {
            look(index);
        } else {
            file.wanted = false;
            deliver_({index, nullptr, true, now_us, never_us});
        }
    }
}

void SecretFileWatcher::want(size_t source) {
    files_.at(source).wanted = true;
}

int64_t SecretFileWatcher::next_us() const {
    int64_t next_us = never_us;
    for (const Watched& file : files_) next_us = std::min(next_us, look_us(file));
    return next_us;
}

int64_t SecretFileWatcher::look_us(const Watched& file) {
    if (file.looking) return file.wanted ? file.asked_us + hangs_after_us : never_us;
    return file.wanted ? std::min(file.due_us, file.may_be_wanted_us) : file.due_us;
}

void SecretFileWatcher::look(size_t index) {
    Watched& file = files_[index];
    const int64_t now_us = clock_.steady_us();
    const bool is_wanted = std::exchange(file.wanted, false);
    file.looking = true;
    file.asked_us = now_us;
    file.due_us = now_us + look_interval_us;
    file.may_be_wanted_us = now_us + file_wish_interval_us;

    const bool must_read = !file.was_seen || file.young;
    run_elsewhere<Seen>(
        errands_,
        {"secret \"" + file.source.name() + '"', "a look at its file",
         "its last value is used on; look whether the file system is there"},
        [source = file.source, known = file.seen.identity, must_read] {
            Seen seen{look_at(source.location), {}};
            const bool is_changed = !(seen.look.identity == known);
            if (must_read || is_changed) seen.value = load_secret(source, {});
            return seen;
        },
        [this, index, is_wanted](Seen seen) { take(index, is_wanted, std::move(seen)); });
}

void SecretFileWatcher::take(size_t index, bool is_wanted, Seen seen) {
    Watched& file = files_[index];
    const bool is_first = !std::exchange(file.was_seen, true);
    const bool is_changed = is_first ? file.set && seen.look.changed_ms > file.known_ms
                                     : !(seen.look.identity == file.seen.identity);
    file.looking = false;
    file.seen = seen.look;
    std::shared_ptr<const SecretSet> set;
    if (seen.value) set = read(index, is_first, is_changed, seen);
    if (is_first || is_wanted || set) {
        deliver_({index, std::move(set), false, file.asked_us, 0});
    }
}

// nullptr if it holds no secret, or none that may be read.
std::shared_ptr<const SecretSet> SecretFileWatcher::read(size_t index, bool is_first,
                                                         bool is_changed, Seen& seen) {
    Watched& file = files_[index];
    const int64_t now_ms = clock_.wall_ms();
    file.young = file.seen.identity && now_ms - file.seen.modified_ms < young_ms;
    Result<SecretValue>& value = *seen.value;
    if (!value) {
        const bool is_new = !std::exchange(file.failed, true) && !is_changed;
        if (is_new) {
            const bool is_closed = value.error().code == EACCES;
            say(index, Finding::closed,
                " cannot be followed, a change counts after a reload: " + value.error().text +
                    (is_closed ? "; a file that a group of the workers may read (chgrp, chmod "
                                 "640) needs none"
                               : ""));
        } else if (is_changed) {
            say(index, Finding::changed,
                " has changed and is not read again, its last value is used on: " +
                    value.error().text +
                    (value.error().code == EACCES ? "; reload nginx, which reads it" : ""));
        }
        return nullptr;
    }
    if (std::exchange(file.failed, false)) {
        say(index, Finding::open, " can be read again");
    }
    // Its own times tell when it was put there before anybody looked.
    const int64_t put_ms = std::max(file.seen.modified_ms, file.seen.changed_ms);
    file.set = next_set(std::move(*value), file.seen.modified_ms, file.set.get(),
                        is_first ? std::min(put_ms, now_ms) : now_ms);
    return file.set;
}

void SecretFileWatcher::say(size_t index, Finding finding, const std::string& what) {
    const auto& identity = files_[index].seen.identity;
    const uint64_t changed_ns = identity ? static_cast<uint64_t>(identity->changed_ns) : 0;
    // Never 0, and another one for another finding of the same file.
    const uint64_t found = changed_ns * 4 + static_cast<uint64_t>(finding) + 1;
    if (may_say_ && !may_say_(index, found)) return;
    logger_.write(Severity::error, "secret \"" + files_[index].source.name() + '"' + what);
}

}  // namespace momento
