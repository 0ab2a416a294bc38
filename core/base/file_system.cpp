#include "base/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/descriptor.h"

namespace momento {

namespace {

// All paths in here serve error texts only: what is opened is named by descriptors.

Error failed(const char* verb, const std::string& path) {
    return system_error(std::string("cannot ") + verb + " \"" + path + "\"");
}

class SystemFile final : public File {
  public:
    SystemFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

    Result<size_t> read_at(uint64_t offset, void* data, size_t size) override {
        size_t done = 0;
        while (done < size) {
            ssize_t n = retry([&] {
                return pread(fd_.get(), static_cast<char*>(data) + done, size - done,
                             static_cast<off_t>(offset + done));
            });
            if (n < 0) return failed("read", path_);
            if (n == 0) break;
            done += static_cast<size_t>(n);
        }
        return done;
    }

    using File::write_at;
    Status write_at(uint64_t offset, const std::string_view* pieces, size_t count) override {
        constexpr size_t most = 64;  // well below IOV_MAX
        const std::string_view* end = pieces + count;
        size_t written = 0;  // of *pieces
        while (pieces != end) {
            std::array<iovec, most> batch;
            size_t used = std::min<size_t>(most, static_cast<size_t>(end - pieces));
            const std::string_view* batch_end = pieces + used;
            for (size_t i = 0; i < used; ++i) {
                size_t skip = i == 0 ? written : 0;
                batch[i] = {const_cast<char*>(pieces[i].data()) + skip,
                            pieces[i].size() - skip};
            }
            ssize_t n = retry([&] {
                return pwritev(fd_.get(), batch.data(), static_cast<int>(used),
                               static_cast<off_t>(offset));
            });
            if (n < 0) return failed("write", path_);
            offset += static_cast<size_t>(n);
            size_t left = static_cast<size_t>(n);
            while (pieces != batch_end && left >= pieces->size() - written) {
                left -= pieces->size() - written;
                written = 0;
                ++pieces;
            }
            written += left;
            if (n == 0 && pieces != batch_end) {
                errno = EIO;  // bytes were offered and none was taken: do not spin
                return failed("write", path_);
            }
        }
        return {};
    }

    Status sync() override {
        if (retry([&] { return fdatasync(fd_.get()); }) != 0) return failed("sync", path_);
        return {};
    }

    Result<uint64_t> size() override {
        struct stat info {};
        if (fstat(fd_.get(), &info) != 0) return failed("read the size of", path_);
        return static_cast<uint64_t>(info.st_size);
    }

  private:
    Descriptor fd_;
    std::string path_;
};

class SystemFileLock final : public FileLock {
  public:
    explicit SystemFileLock(Descriptor fd) : fd_(std::move(fd)) {}

  private:
    Descriptor fd_;  // the lock ends with its open file
};

class SystemDirectory final : public Directory {
  public:
    SystemDirectory(Descriptor fd, std::string path)
        : fd_(std::move(fd)), path_(std::move(path)) {}

    Result<std::unique_ptr<File>> open(const std::string& name, Mode mode) override {
        int flags = O_CLOEXEC | O_NOFOLLOW;
        switch (mode) {
            case Mode::read:
                flags |= O_RDONLY;
                break;
            case Mode::write:
                flags |= O_RDWR;
                break;
            case Mode::create:
                flags |= O_RDWR | O_CREAT | O_EXCL;
                break;
        }
        Descriptor fd(retry([&] { return openat(fd_.get(), name.c_str(), flags, 0600); }));
        if (!fd) return failed(mode == Mode::create ? "create" : "open", below(name));
        return std::unique_ptr<File>(std::make_unique<SystemFile>(std::move(fd), below(name)));
    }

    Result<std::unique_ptr<Directory>> open_directory(const std::string& name,
                                                      bool create) override {
        return open_at(fd_.get(), name, below(name), create, O_NOFOLLOW);
    }

    Result<std::vector<std::string>> list() override {
        // A descriptor of its own: readdir's position belongs to the open file, so a
        // duplicate of fd_ would be shared with a listing in another thread.
        Descriptor own(
            retry([&] { return openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
        if (!own) return failed("list", path_);
        std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(own.get()), closedir);
        if (!stream) return failed("list", path_);
        own.release();

        std::vector<std::string> names;
        for (;;) {
            errno = 0;
            const dirent* entry = readdir(stream.get());
            if (entry == nullptr) break;
            std::string_view name = entry->d_name;
            if (name != "." && name != "..") names.emplace_back(name);
        }
        if (errno != 0) return failed("list", path_);
        return names;
    }

    Status rename(const std::string& from, const std::string& to) override {
        if (renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()) != 0) {
            return failed("rename", below(from));
        }
        return {};
    }

    Status remove(const std::string& name) override {
        int rc = unlinkat(fd_.get(), name.c_str(), 0);
        if (rc != 0 && errno == EISDIR) rc = unlinkat(fd_.get(), name.c_str(), AT_REMOVEDIR);
        if (rc != 0) return failed("remove", below(name));
        return {};
    }

    Status link(const std::string& name, Directory& other) override {
        const auto& to = static_cast<SystemDirectory&>(other);
        if (linkat(fd_.get(), name.c_str(), to.fd_.get(), name.c_str(), 0) != 0) {
            return failed("link", below(name));
        }
        return {};
    }

    Result<uint64_t> links(const std::string& name) override {
        struct stat info {};
        if (fstatat(fd_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
            return failed("look at", below(name));
        }
        return static_cast<uint64_t>(info.st_nlink);
    }

    Status sync() override {
        if (retry([&] { return fsync(fd_.get()); }) != 0) return failed("sync", path_);
        return {};
    }

    Result<std::unique_ptr<FileLock>> try_lock(const std::string& name) override {
        for (;;) {
            Descriptor fd(retry([&] {
                return openat(fd_.get(), name.c_str(),
                              O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
            }));
            if (!fd) return failed("lock", below(name));
            if (retry([&] { return flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
                if (errno == EWOULDBLOCK) return std::unique_ptr<FileLock>();
                return failed("lock", below(name));
            }

            // Between opening and locking its holder may have removed or replaced it: then
            // this lock guards a file that nobody else will ever open.
            struct stat locked {};
            struct stat standing {};
            if (fstat(fd.get(), &locked) != 0) return failed("lock", below(name));
            if (fstatat(fd_.get(), name.c_str(), &standing, AT_SYMLINK_NOFOLLOW) != 0) {
                if (errno == ENOENT) continue;
                return failed("lock", below(name));
            }
            if (locked.st_ino == standing.st_ino && locked.st_dev == standing.st_dev) {
                return std::unique_ptr<FileLock>(
                    std::make_unique<SystemFileLock>(std::move(fd)));
            }
        }
    }

    static Result<std::unique_ptr<Directory>> open_at(int parent, const std::string& name,
                                                      std::string path, bool create,
                                                      int flags) {
        if (create && mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST) {
            return failed("make directory", path);
        }
        Descriptor fd(retry([&] {
            return openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
        }));
        if (!fd) return failed("open directory", path);
        return std::unique_ptr<Directory>(
            std::make_unique<SystemDirectory>(std::move(fd), std::move(path)));
    }

  private:
    std::string below(const std::string& name) const { return path_ + "/" + name; }

    Descriptor fd_;
    std::string path_;
};

class SystemFileSystem final : public FileSystem {
  public:
    Result<std::unique_ptr<Directory>> open_directory(const std::string& path,
                                                      bool create) override {
        // The administrator's own path: links in it are meant.
        return SystemDirectory::open_at(AT_FDCWD, path, path, create, 0);
    }
};

}  // namespace

FileSystem& system_files() {
    static SystemFileSystem files;
    return files;
}

}  // namespace momento
