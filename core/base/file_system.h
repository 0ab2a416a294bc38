// The disk comes in through this interface, so that tests can break it.
//
// Every file is opened through the descriptor of its directory: a spool that is renamed
// or replaced while it runs cannot redirect a write. Operations block; only writer
// threads, the delivery thread and the command-line tool call them, never the event loop.
// Errors carry errno in Error::code and the file's name in Error::text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace momento {

class File {
  public:
    virtual ~File() = default;

    // Reads up to `size` bytes; fewer only at the end of the file.
    virtual Result<size_t> read_at(uint64_t offset, void* data, size_t size) = 0;

    // Writes the pieces one after the other from `offset` on: all of them, or an error
    // (of which any part may have reached the file).
    virtual Status write_at(uint64_t offset, const std::string_view* pieces, size_t count) = 0;
    Status write_at(uint64_t offset, std::string_view data) {
        return write_at(offset, &data, 1);
    }

    // fdatasync. After an error the file's unsynced content is unknown and must never be
    // synced again (Linux marks failed pages clean).
    virtual Status sync() = 0;

    virtual Result<uint64_t> size() = 0;
};

// An exclusive flock, held until destroyed or until the process ends.
class FileLock {
  public:
    virtual ~FileLock() = default;
};

class Directory {
  public:
    enum class Mode {
        read,    // must exist
        write,   // must exist; for reading and writing
        create,  // must not exist; for reading and writing, mode 0600
    };

    virtual ~Directory() = default;

    virtual Result<std::unique_ptr<File>> open(const std::string& name, Mode mode) = 0;

    // Opens a directory below this one; `create` makes it (mode 0700) if it is missing.
    // A made directory is durable only after sync() of this one.
    virtual Result<std::unique_ptr<Directory>> open_directory(const std::string& name,
                                                              bool create) = 0;

    // Names of everything inside, without "." and "..", in no order.
    virtual Result<std::vector<std::string>> list() = 0;

    virtual Status rename(const std::string& from, const std::string& to) = 0;
    virtual Status remove(const std::string& name) = 0;  // a file, or an empty directory

    // Gives a file a second name, the same one in `other`, a directory of the same kind and
    // disk. The file need not be readable.
    virtual Status link(const std::string& name, Directory& other) = 0;
    virtual Result<uint64_t> links(const std::string& name) = 0;  // how many names it has

    virtual Status sync() = 0;  // makes entries durable

    // Takes the lock file `name`, made if missing. A null pointer: somebody else holds it.
    // The locked file is the one that stands in the directory (checked after locking).
    virtual Result<std::unique_ptr<FileLock>> try_lock(const std::string& name) = 0;
};

class FileSystem {
  public:
    virtual ~FileSystem() = default;

    // Opens a directory by its path; `create` makes the last component if it is missing.
    virtual Result<std::unique_ptr<Directory>> open_directory(const std::string& path,
                                                              bool create) = 0;
};

// The machine's files. Safe from every thread; lives as long as the process.
FileSystem& system_files();

}  // namespace momento
