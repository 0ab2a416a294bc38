#include "sim_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace momento::sim {
namespace {

constexpr size_t sector = 512;

Error failure(const char* verb, const std::string& path, int code) {
    return {std::string("cannot ") + verb + " \"" + path + "\": " + std::strerror(code), code};
}

void put(std::string& content, uint64_t offset, std::string_view data) {
    if (content.size() < offset + data.size()) content.resize(offset + data.size());
    content.replace(offset, data.size(), data);
}

}  // namespace

const char* name(Operation operation) {
    switch (operation) {
        case Operation::open:
            return "open";
        case Operation::create:
            return "create";
        case Operation::read:
            return "read";
        case Operation::write:
            return "write";
        case Operation::sync:
            return "sync";
        case Operation::open_directory:
            return "open directory";
        case Operation::list:
            return "list";
        case Operation::rename:
            return "rename";
        case Operation::remove:
            return "remove";
        case Operation::link:
            return "link";
        case Operation::sync_directory:
            return "sync directory";
        case Operation::lock:
            return "lock";
        case Operation::count:
            break;
    }
    return "";
}

using InodePtr = std::shared_ptr<Inode>;

struct Inode {
    // The sectors of one write, as the page cache held them right after it.
    struct Image {
        uint64_t offset;
        std::string bytes;
    };
    // "Here is this file now"; a null pointer: nothing. A rename is two of these at once.
    struct Change {
        std::vector<std::pair<std::string, InodePtr>> entries;
    };
    using Entries = std::map<std::string, InodePtr>;

    Inode(uint64_t number_, bool directory_, uint64_t& used_)
        : number(number_), directory(directory_), used(used_) {}
    ~Inode() { used -= cache.size(); }

    const uint64_t number;
    const bool directory;
    uint64_t& used;

    std::string cache;    // what processes read
    std::string platter;  // what is left without power
    std::vector<Image> unsynced;
    const SimFiles* lock_holder = nullptr;

    Entries entries;
    Entries platter_entries;
    std::vector<Change> unsynced_changes;

    void resize(uint64_t size) {
        used += size - cache.size();
        cache.resize(size);
    }

    void write(uint64_t offset, std::string_view data) {
        if (data.empty()) return;
        if (offset + data.size() > cache.size()) resize(offset + data.size());
        cache.replace(offset, data.size(), data);
        uint64_t from = offset / sector * sector;
        uint64_t to = std::min<uint64_t>(cache.size(),
                                         (offset + data.size() + sector - 1) / sector * sector);
        unsynced.push_back({from, cache.substr(from, to - from)});
    }

    void sync() {
        for (const Image& image : unsynced) put(platter, image.offset, image.bytes);
        unsynced.clear();
    }

    static void apply(Entries& to, const Change& change) {
        for (const auto& [name, inode] : change.entries) {
            if (inode) {
                to[name] = inode;
            } else {
                to.erase(name);
            }
        }
    }

    void change(Change change) {
        apply(entries, change);
        unsynced_changes.push_back(std::move(change));
    }

    void sync_entries() {
        for (const Change& change : unsynced_changes) apply(platter_entries, change);
        unsynced_changes.clear();
    }
};

class SimFile final : public File {
  public:
    SimFile(SimFiles& process, InodePtr inode, std::string path, bool writable)
        : process_(process),
          inode_(std::move(inode)),
          path_(std::move(path)),
          writable_(writable) {}

    Result<size_t> read_at(uint64_t offset, void* data, size_t size) override {
        Status begun = process_.begin(Operation::read, path_, nullptr, offset, size);
        if (!begun) return begun.error();
        size_t n = 0;
        if (offset < inode_->cache.size()) {
            n = inode_->cache.copy(static_cast<char*>(data), size, offset);
        }
        process_.end(Operation::read, path_);
        return n;
    }

    using File::write_at;
    Status write_at(uint64_t offset, const std::string_view* pieces, size_t count) override {
        SimDisk& disk = process_.disk_;
        if (!writable_ && process_.alive()) {
            disk.breaches_.push_back("write to \"" + path_ + "\", which is open for reading");
        }
        check_sound("writes");
        Fault fault;
        Status begun = process_.begin(Operation::write, path_, &fault);
        if (!begun && fault.error == 0) return begun;

        std::string data;
        for (size_t i = 0; i < count; ++i) data += pieces[i];
        const size_t wanted = data.size();
        if (!begun) {
            data.resize(static_cast<size_t>(fault.done * static_cast<double>(wanted)));
        }
        const uint64_t size = inode_->cache.size();
        const uint64_t free = disk.capacity - std::min(disk.capacity, disk.used());
        if (offset + data.size() > size && offset + data.size() - size > free) {
            const uint64_t end = size + free;
            data.resize(end > offset ? end - offset : 0);
        }
        inode_->write(offset, data);
        failed_ = !begun || data.size() < wanted;
        if (!begun) return begun;
        if (failed_) return process_.fail(Operation::write, path_, ENOSPC);
        process_.end(Operation::write, path_);
        return {};
    }

    Status sync() override {
        SimDisk& disk = process_.disk_;
        check_sound("syncs");
        Fault fault;
        if (Status s = process_.begin(Operation::sync, path_, &fault); !s) {
            if (fault.error != 0) {
                failed_ = true;
                disk.settle(*inode_);
                if (disk.coin(0.3))
                    inode_->cache.replace(0, inode_->platter.size(), inode_->platter);
            }
            return s;
        }
        inode_->sync();
        process_.end(Operation::sync, path_);
        return {};
    }

    Result<uint64_t> size() override {
        if (!process_.alive()) return failure("read the size of", path_, EIO);
        return inode_->cache.size();
    }

  private:
    void check_sound(const char* what) {
        if (!failed_ || !process_.alive()) return;
        process_.disk_.breaches_.push_back(process_.process() + " " + what + " \"" + path_ +
                                           "\" after a write or a sync of it has failed");
    }

    SimFiles& process_;
    InodePtr inode_;
    const std::string path_;
    const bool writable_;
    bool failed_ = false;  // a write or a sync, through this descriptor
};

class SimLock final : public FileLock {
  public:
    SimLock(SimFiles& process, InodePtr inode) : process_(process), inode_(std::move(inode)) {}
    ~SimLock() override {
        if (process_.locked_.erase(inode_) > 0) inode_->lock_holder = nullptr;
    }

  private:
    SimFiles& process_;
    InodePtr inode_;
};

class SimDirectory final : public Directory {
  public:
    SimDirectory(SimFiles& process, InodePtr inode, std::string path)
        : process_(process), inode_(std::move(inode)), path_(std::move(path)) {}

    Result<std::unique_ptr<File>> open(const std::string& name, Mode mode) override {
        const bool create = mode == Mode::create;
        const Operation operation = create ? Operation::create : Operation::open;
        const std::string path = below(name);
        if (Status s = process_.begin(operation, path); !s) return s.error();

        InodePtr inode = lookup(name);
        if (create) {
            if (inode) return process_.fail(operation, path, EEXIST);
            if (process_.disk_.used() >= process_.disk_.capacity) {
                return process_.fail(operation, path, ENOSPC);
            }
            inode = process_.disk_.make_inode(false);
            inode_->change({{{name, inode}}});
        }
        if (!inode) return process_.fail(operation, path, ENOENT);
        if (inode->directory) return process_.fail(operation, path, EISDIR);
        process_.end(operation, path);
        return std::unique_ptr<File>(
            std::make_unique<SimFile>(process_, inode, path, mode != Mode::read));
    }

    Result<std::unique_ptr<Directory>> open_directory(const std::string& name,
                                                      bool create) override {
        const std::string path = below(name);
        if (Status s = process_.begin(Operation::open_directory, path); !s) return s.error();
        InodePtr inode = lookup(name);
        if (!inode && create) {
            inode = process_.disk_.make_inode(true);
            inode_->change({{{name, inode}}});
        }
        if (!inode) return process_.fail(Operation::open_directory, path, ENOENT);
        if (!inode->directory) return process_.fail(Operation::open_directory, path, ENOTDIR);
        process_.end(Operation::open_directory, path);
        return std::unique_ptr<Directory>(
            std::make_unique<SimDirectory>(process_, inode, path));
    }

    Result<std::vector<std::string>> list() override {
        if (Status s = process_.begin(Operation::list, path_); !s) return s.error();
        std::vector<std::string> names;
        for (const auto& entry : inode_->entries) names.push_back(entry.first);
        Random& random = process_.disk_.random_;
        for (size_t i = names.size(); i > 1; --i) {
            std::swap(names[i - 1], names[random.number() % i]);
        }
        process_.end(Operation::list, path_);
        return names;
    }

    Status rename(const std::string& from, const std::string& to) override {
        const std::string path = below(from);
        if (Status s = process_.begin(Operation::rename, path); !s) return s;
        InodePtr inode = lookup(from);
        if (!inode) return process_.fail(Operation::rename, path, ENOENT);
        inode_->change({{{from, nullptr}, {to, inode}}});
        process_.end(Operation::rename, path);
        return {};
    }

    Status remove(const std::string& name) override {
        const std::string path = below(name);
        if (Status s = process_.begin(Operation::remove, path); !s) return s;
        InodePtr inode = lookup(name);
        if (!inode) return process_.fail(Operation::remove, path, ENOENT);
        if (!inode->entries.empty()) return process_.fail(Operation::remove, path, ENOTEMPTY);
        inode_->change({{{name, nullptr}}});
        process_.end(Operation::remove, path);
        return {};
    }

    Status link(const std::string& name, Directory& other) override {
        const std::string path = below(name);
        if (Status s = process_.begin(Operation::link, path); !s) return s;
        InodePtr inode = lookup(name);
        if (!inode) return process_.fail(Operation::link, path, ENOENT);
        static_cast<SimDirectory&>(other).inode_->change({{{name, inode}}});
        process_.end(Operation::link, path);
        return {};
    }

    Result<uint64_t> links(const std::string& name) override {
        if (!process_.alive()) return failure("look at", below(name), EIO);
        InodePtr inode = lookup(name);
        if (!inode) return failure("look at", below(name), ENOENT);
        return SimDisk::count_names(*process_.disk_.root_, *inode);
    }

    // A failed one leaves the changes unsynced: the next one has them again, as a journal.
    Status sync() override {
        if (Status s = process_.begin(Operation::sync_directory, path_); !s) return s;
        inode_->sync_entries();
        process_.end(Operation::sync_directory, path_);
        return {};
    }

    Result<std::unique_ptr<FileLock>> try_lock(const std::string& name) override {
        const std::string path = below(name);
        if (Status s = process_.begin(Operation::lock, path); !s) return s.error();
        InodePtr inode = lookup(name);
        if (!inode) {
            inode = process_.disk_.make_inode(false);
            inode_->change({{{name, inode}}});
        }
        std::unique_ptr<FileLock> lock;
        if (inode->lock_holder == nullptr) {
            inode->lock_holder = &process_;
            process_.locked_.insert(inode);
            lock = std::make_unique<SimLock>(process_, inode);
        }
        process_.end(Operation::lock, path);
        return lock;
    }

  private:
    std::string below(const std::string& name) const { return path_ + "/" + name; }

    InodePtr lookup(const std::string& name) const {
        auto found = inode_->entries.find(name);
        return found == inode_->entries.end() ? nullptr : found->second;
    }

    SimFiles& process_;
    InodePtr inode_;
    const std::string path_;
};

SimDisk::SimDisk(Random& random) : random_(random), root_(make_inode(true)) {}

SimDisk::~SimDisk() {
    root_.reset();  // before what its inodes refer to
}

InodePtr SimDisk::make_inode(bool directory) {
    return std::make_shared<Inode>(next_inode_++, directory, used_);
}

void SimDisk::fail_next(Operation operation, int error, int times, double done) {
    planned_[operation] = {times, {error, done}};
}

namespace {

// The components of a path, as they are asked for one after the other.
template <class Visit>
void for_each_component(std::string_view path, Visit visit) {
    while (!path.empty()) {
        size_t end = std::min(path.find('/'), path.size());
        if (end > 0) visit(std::string(path.substr(0, end)));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
}

}  // namespace

InodePtr SimDisk::find(const std::string& path) const {
    InodePtr inode = root_;
    for_each_component(path, [&](const std::string& name) {
        if (!inode) return;
        auto found = inode->entries.find(name);
        inode = found == inode->entries.end() ? nullptr : found->second;
    });
    return inode;
}

uint64_t SimDisk::count_names(const Inode& above, const Inode& inode) {
    uint64_t names = 0;
    for (const auto& entry : above.entries) {
        names += entry.second.get() == &inode ? 1 : 0;
        names += count_names(*entry.second, inode);
    }
    return names;
}

uint64_t SimDisk::number(const std::string& path) const {
    const InodePtr inode = find(path);
    return inode ? inode->number : 0;
}

void SimDisk::make_directory(const std::string& path) {
    InodePtr inode = root_;
    for_each_component(path, [&](const std::string& name) {
        InodePtr& next = inode->entries[name];
        if (!next) next = make_inode(true);
        inode->platter_entries[name] = next;
        inode = next;
    });
}

void SimDisk::spoil(const std::string& path, const std::string& bytes) {
    InodePtr inode = find(path);
    inode->resize(bytes.size());
    inode->cache = bytes;
    inode->platter = bytes;
    inode->unsynced.clear();
}

void SimDisk::erase(const std::string& path) {
    const size_t slash = path.find_last_of('/');
    InodePtr above = find(path.substr(0, slash));
    const std::string name = path.substr(slash + 1);
    above->sync_entries();
    above->entries.erase(name);
    above->platter_entries.erase(name);
}

// Some of what was not synced reaches the platter, and nothing of it is remembered as
// unsynced. Sectors that share a write need not share its fate.
void SimDisk::settle(Inode& inode) {
    enum class Fate { all, none, writes, sectors };
    constexpr double survives = 0.5;
    const auto fate = static_cast<Fate>(random_.number() % 4);
    for (const Inode::Image& image : inode.unsynced) {
        if (fate == Fate::none) break;
        if (fate == Fate::writes && !coin(survives)) continue;
        std::string_view bytes = image.bytes;
        for (size_t at = 0; at < bytes.size(); at += sector) {
            if (fate == Fate::sectors && !coin(survives)) continue;
            put(inode.platter, image.offset + at, bytes.substr(at, sector));
        }
    }
    inode.unsynced.clear();
}

void SimDisk::lose_power() {
    for (SimFiles* process : processes_) process->kill();

    // Everything that any cached or durable entry leads to, in a fixed order.
    std::map<uint64_t, InodePtr> inodes;
    std::vector<InodePtr> open{root_};
    while (!open.empty()) {
        InodePtr inode = open.back();
        open.pop_back();
        if (!inodes.emplace(inode->number, inode).second) continue;
        for (const auto& entry : inode->entries) open.push_back(entry.second);
        for (const auto& entry : inode->platter_entries) open.push_back(entry.second);
        for (const Inode::Change& change : inode->unsynced_changes) {
            for (const auto& entry : change.entries) {
                if (entry.second) open.push_back(entry.second);
            }
        }
    }
    for (const auto& numbered : inodes) {
        Inode& inode = *numbered.second;
        if (inode.directory) {
            const bool ordered = coin(0.5);
            const size_t prefix = random_.number() % (inode.unsynced_changes.size() + 1);
            for (size_t i = 0; i < inode.unsynced_changes.size(); ++i) {
                if (ordered ? i >= prefix : !coin(0.5)) continue;
                Inode::apply(inode.platter_entries, inode.unsynced_changes[i]);
            }
            inode.unsynced_changes.clear();
            inode.entries = inode.platter_entries;
        } else {
            settle(inode);
            inode.resize(inode.platter.size());
            inode.cache = inode.platter;
        }
    }
}

SimFiles::SimFiles(SimDisk& disk, std::string process)
    : disk_(disk), process_(std::move(process)) {
    disk_.processes_.insert(this);
}

SimFiles::~SimFiles() {
    kill();
    disk_.processes_.erase(this);
}

void SimFiles::kill() {
    alive_ = false;
    for (const InodePtr& inode : locked_) inode->lock_holder = nullptr;
    locked_.clear();
}

Result<std::unique_ptr<Directory>> SimFiles::open_directory(const std::string& path,
                                                            bool create) {
    // The parent's path ends with the slash, which find() does not mind.
    const size_t parent_size = path.find_last_of('/') + 1;
    const std::string parent = path.substr(0, parent_size);
    InodePtr above = disk_.find(parent);
    if (!above) return failure("open directory", path, ENOENT);
    return SimDirectory(*this, above, parent.empty() ? "" : parent.substr(0, parent_size - 1))
        .open_directory(path.substr(parent_size), create);
}

Status SimFiles::begin(Operation operation, const std::string& path, Fault* fault,
                       uint64_t offset, uint64_t size) {
    if (!alive_) return Error{"\"" + path + "\": its process is dead", EIO};
    ++disk_.counts_[static_cast<size_t>(operation)];
    Fault drawn;
    SimDisk::Planned& planned = disk_.planned_[operation];
    if (planned.times > 0) {
        --planned.times;
        drawn = planned.fault;
    } else if (disk_.before) {
        drawn = disk_.before({operation, path, *this, offset, size});
    }
    if (fault != nullptr) *fault = drawn;
    if (drawn.error == 0) return {};
    return fail(operation, path, drawn.error);
}

Error SimFiles::fail(Operation operation, const std::string& path, int error) {
    if (disk_.failed) disk_.failed({operation, path, *this}, error);
    return failure(name(operation), path, error);
}

void SimFiles::end(Operation operation, const std::string& path) {
    if (disk_.after) disk_.after({operation, path, *this});
}

}  // namespace momento::sim
