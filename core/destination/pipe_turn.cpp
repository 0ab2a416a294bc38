#include "destination/pipe_turn.h"

#include <cerrno>
#include <string_view>
#include <utility>

#include "base/digest.h"
#include "base/hex.h"

namespace momento {
namespace {

constexpr char directory_name[] = ".files";
constexpr size_t name_length = 16;  // of a digest of the path, in hex

// What a torn file is told by. All marks have one length.
std::string mark_of(const struct stat& file) {
    const uint64_t numbers[] = {static_cast<uint64_t>(file.st_dev),
                                static_cast<uint64_t>(file.st_ino)};
    return to_hex({reinterpret_cast<const char*>(numbers), sizeof numbers}) + " torn\n";
}

}  // namespace

PipeTurn::PipeTurn(std::string spool, const std::string& path, FileSystem& files)
    : spool_(std::move(spool)),
      name_(to_hex(sha256(path)).substr(0, name_length)),
      files_(files) {}

Status PipeTurn::open() {
    auto spool = files_.open_directory(spool_, false);
    if (!spool) return spool.error();
    auto directory = (*spool)->open_directory(directory_name, true);
    if (!directory) return directory.error();
    // Made by whoever comes first.
    auto mark = (*directory)->open(name_, Directory::Mode::create);
    if (!mark && mark.error().code == EEXIST) {
        mark = (*directory)->open(name_, Directory::Mode::write);
    }
    if (!mark) return mark.error();
    directory_ = std::move(*directory);
    mark_ = std::move(*mark);
    return {};
}

Result<bool> PipeTurn::take() {
    if (!directory_) {
        if (Status opened = open(); !opened) return opened.error();
    }
    auto lock = directory_->try_lock(name_ + ".lock");
    if (!lock) return lock.error();
    lock_ = std::move(*lock);
    return lock_ != nullptr;
}

bool PipeTurn::is_torn(const struct stat& file) {
    const std::string torn = mark_of(file);
    std::string mark(torn.size(), '\0');
    const Result<size_t> size = mark_->read_at(0, mark.data(), mark.size());
    return size && *size == mark.size() && mark == torn;
}

// Not synced: a pipe does not survive what a written mark does not.
Status PipeTurn::mark(const struct stat& file, bool is_torn) {
    const std::string torn = mark_of(file);
    return mark_->write_at(0, is_torn ? torn : std::string(torn.size(), ' '));
}

}  // namespace momento
