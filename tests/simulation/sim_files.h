// A disk that can be broken on purpose, and the files of one process on it.
//
// SimDisk is the machine's: every file and directory with what its page cache holds and
// what would be left after a power loss. SimFiles is one process's view; locks belong to
// it and end with it. Everything happens in the caller's thread and is decided by one
// Random, so that a seed replays it.
//
//   kill a process    SimFiles::kill(): its locks are dropped, its later operations fail
//                     without effect; the page cache stays
//   power loss        SimDisk::lose_power(): kills every process; of each file the sectors
//                     that were not synced survive or not, each with the content it had
//                     after any of its writes; of each directory the operations that were
//                     not synced survive as a prefix of their order, or independently of
//                     each other (one of the two is drawn for each directory)
//   a failed sync     leaves any of the unsynced sectors on the platter and marks all of
//                     them clean: the next sync "succeeds" without them. The page cache may
//                     keep them or forget them
//
// What the product must never do is kept in breaches().
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/random.h"

namespace momento::sim {

enum class Operation {
    open,
    create,
    read,
    write,
    sync,
    open_directory,
    list,
    rename,
    remove,
    link,
    sync_directory,
    lock,
    count,
};

const char* name(Operation operation);

class SimFiles;

struct Call {
    Operation operation;
    const std::string& path;
    const SimFiles& process;
    uint64_t offset = 0;  // of what is read
    uint64_t size = 0;
};

struct Fault {
    int error = 0;    // errno; 0: none
    double done = 0;  // of a failing write: the part that is written nevertheless
};

struct Inode;

class SimDisk {
  public:
    explicit SimDisk(Random& random);
    ~SimDisk();

    // Asked before every operation of a living process; told after every one that was
    // carried out, and of every one that failed. They may throw: who kills a process there
    // calls kill() first, so that nothing it does on its way out has an effect.
    std::function<Fault(const Call&)> before;
    std::function<void(const Call&)> after;
    std::function<void(const Call&, int error)> failed;

    // The next `times` operations of that kind fail, before `before` is asked.
    void fail_next(Operation operation, int error, int times = 1, double done = 0);

    // Bytes of all files together; what would grow beyond it fails with ENOSPC.
    uint64_t capacity = UINT64_MAX;
    uint64_t used() const { return used_; }

    void lose_power();

    // Makes a directory (and those above it), durable at once.
    void make_directory(const std::string& path);

    // What becomes of a file without anybody's doing, at once and for good. The whole of it;
    // an open one is the same file.
    void spoil(const std::string& path, const std::string& bytes);
    void erase(const std::string& path);

    // A file's, whatever its name; 0: there is none.
    uint64_t number(const std::string& path) const;

    // Operations so far, of each kind.
    uint64_t count(Operation operation) const {
        return counts_[static_cast<size_t>(operation)];
    }

    const std::vector<std::string>& breaches() const { return breaches_; }

  private:
    friend class SimFiles;
    friend class SimFile;
    friend class SimDirectory;
    friend class SimLock;

    std::shared_ptr<Inode> make_inode(bool directory);
    std::shared_ptr<Inode> find(const std::string& path) const;
    static uint64_t count_names(const Inode& above, const Inode& inode);
    void settle(Inode& inode);
    bool coin(double probability) { return random_.unit() < probability; }

    Random& random_;
    uint64_t next_inode_ = 1;
    uint64_t used_ = 0;
    std::shared_ptr<Inode> root_;
    std::set<SimFiles*> processes_;
    std::array<uint64_t, static_cast<size_t>(Operation::count)> counts_{};
    struct Planned {
        int times = 0;
        Fault fault;
    };
    std::map<Operation, Planned> planned_;
    std::vector<std::string> breaches_;
};

class SimFiles final : public FileSystem {
  public:
    // `process` names it in breaches.
    explicit SimFiles(SimDisk& disk, std::string process = "process");
    ~SimFiles() override;

    Result<std::unique_ptr<Directory>> open_directory(const std::string& path,
                                                      bool create) override;

    void kill();
    bool alive() const { return alive_; }
    const std::string& process() const { return process_; }

  private:
    friend class SimDisk;
    friend class SimFile;
    friend class SimDirectory;
    friend class SimLock;

    // Nothing if the operation may go on, else its error. `fault` receives the whole of it.
    Status begin(Operation operation, const std::string& path, Fault* fault = nullptr,
                 uint64_t offset = 0, uint64_t size = 0);
    void end(Operation operation, const std::string& path);
    Error fail(Operation operation, const std::string& path, int error);

    SimDisk& disk_;
    const std::string process_;
    bool alive_ = true;
    std::set<std::shared_ptr<Inode>> locked_;
};

}  // namespace momento::sim
