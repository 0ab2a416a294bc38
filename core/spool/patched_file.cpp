#include "spool/patched_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

namespace momento {
namespace {

constexpr uint64_t page_size = 4096;  // the least that Linux reads
constexpr uint64_t long_run = 16;     // bad pages, each of them tried

}  // namespace

Result<size_t> PatchedFile::read_at(uint64_t offset, void* data, size_t size) {
    if (size == 0) return size_t{0};
    const bool is_tried = offset / page_size >= untried_until_;
    if (is_tried && !has_hole(offset, offset + size)) {
        Result<size_t> read = file_->read_at(offset, data, size);
        if (read) return read;
        error_ = read.error();
    }
    return read_by_pages(offset, static_cast<char*>(data), size);
}

Result<size_t> PatchedFile::read_by_pages(uint64_t offset, char* data, size_t size) {
    Result<uint64_t> end = file_->size();
    if (!end) return end.error();
    if (offset >= *end) return size_t{0};
    size = std::min<uint64_t>(size, *end - offset);
    for (size_t done = 0; done < size;) {
        const uint64_t at = offset + done;
        const size_t piece = std::min<uint64_t>(size - done, page_size - at % page_size);
        if (!read_page(at, data + done, piece)) std::memset(data + done, 0, piece);
        done += piece;
    }
    return size;
}

bool PatchedFile::read_page(uint64_t offset, char* data, size_t size) {
    const uint64_t page = offset / page_size;
    if (bad_pages_.count(page) > 0) return false;
    if (page >= untried_until_ || page < next_page_) {
        Result<size_t> read = file_->read_at(offset, data, size);
        if (read && *read == size) return true;
        if (!read) error_ = read.error();
    }
    run_ = page == next_page_ ? run_ + 1 : 1;
    next_page_ = page + 1;
    if (run_ >= long_run && next_page_ > untried_until_) {
        untried_until_ = next_page_ + run_ / 4;
    }
    bad_pages_.insert(page);
    return false;
}

bool PatchedFile::has_hole(uint64_t from, uint64_t to) const {
    if (to <= from) return false;
    const auto page = bad_pages_.lower_bound(from / page_size);
    return page != bad_pages_.end() && *page * page_size < to;
}

uint64_t PatchedFile::hole_end(uint64_t from, uint64_t to) const {
    if (!has_hole(from, to)) return from;
    const auto behind = bad_pages_.lower_bound((to + page_size - 1) / page_size);
    return std::min(to, (*std::prev(behind) + 1) * page_size);
}

Status PatchedFile::write_at(uint64_t, const std::string_view*, size_t) {
    return Error{"it is open for reading", EBADF};
}

Status PatchedFile::sync() {
    return Error{"it is open for reading", EBADF};
}

}  // namespace momento
