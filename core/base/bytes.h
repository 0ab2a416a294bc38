// A buffer of bytes that hold anything until they are written: unlike a string's, they are
// not zeroed first.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace momento {

// Bytes that must be readable (not written) behind a body that a parser reads: it looks at
// several at a time.
inline constexpr size_t body_padding = 64;

class Bytes {
  public:
    Bytes() = default;
    explicit Bytes(size_t size) : data_(new char[size]), size_(size) {}
    Bytes(Bytes&& other) noexcept
        : data_(std::move(other.data_)), size_(std::exchange(other.size_, 0)) {}
    Bytes& operator=(Bytes&& other) noexcept {
        data_ = std::move(other.data_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }

    char* data() { return data_.get(); }
    const char* data() const { return data_.get(); }
    size_t size() const { return size_; }
    std::string_view view() const { return {data_.get(), size_}; }

    // To a size that is not smaller; what was written stays.
    void grow(size_t size) {
        Bytes grown(size);
        if (size_ > 0) std::memcpy(grown.data(), data(), size_);
        *this = std::move(grown);
    }

  private:
    std::unique_ptr<char[]> data_;
    size_t size_ = 0;
};

}  // namespace momento
