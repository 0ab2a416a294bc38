// A file whose unreadable pages read as zeros, and are remembered: so one bad sector costs
// the page that it is in, and no more. What a zero means there only has_hole() tells.
//
// A page that failed is not tried again by the same object; whoever wants to know whether it
// can be read meanwhile opens the file anew. Behind a long run of bad pages some are taken for
// bad without a look, a quarter of the run: each failing read may take seconds.
//
// Belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>

#include "base/file_system.h"

namespace momento {

class PatchedFile final : public File {
  public:
    explicit PatchedFile(std::shared_ptr<File> file) : file_(std::move(file)) {}

    // Fails only if the file's size cannot be told either.
    Result<size_t> read_at(uint64_t offset, void* data, size_t size) override;

    // Whether any byte from `from` to `to` was not read but patched.
    bool has_hole(uint64_t from, uint64_t to) const;

    // The end of the last such page before `to`, `to` at most; `from` if there is none.
    uint64_t hole_end(uint64_t from, uint64_t to) const;

    // Why the last page could not be read.
    const Error& error() const { return error_; }

    // It is for reading.
    using File::write_at;
    Status write_at(uint64_t, const std::string_view*, size_t) override;
    Status sync() override;
    Result<uint64_t> size() override { return file_->size(); }

  private:
    Result<size_t> read_by_pages(uint64_t offset, char* data, size_t size);
    bool read_page(uint64_t offset, char* data, size_t size);

    std::shared_ptr<File> file_;
    std::set<uint64_t> bad_pages_;
    uint64_t run_ = 0;            // bad pages before next_page_, one behind the other
    uint64_t next_page_ = 0;      // behind the last bad one
    uint64_t untried_until_ = 0;  // page
    Error error_;
};

}  // namespace momento
