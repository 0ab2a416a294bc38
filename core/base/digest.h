// SHA-256 of a few bytes, as often as once an event.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace momento {

inline constexpr size_t sha256_size = 32;  // bytes
using Sha256 = std::array<uint8_t, sha256_size>;

// Throws std::bad_alloc: OpenSSL's digests fail for want of memory only.
Sha256 sha256(std::string_view data);

// HMAC-SHA256 (RFC 2104) under one key, absorbed once and cleansed in the end. For one
// thread at a time.
class HmacSha256 {
  public:
    explicit HmacSha256(std::string_view key);  // throws std::bad_alloc
    HmacSha256(HmacSha256&&) noexcept;
    HmacSha256& operator=(HmacSha256&&) noexcept;
    ~HmacSha256();

    Sha256 sign(std::string_view data) const;  // throws std::bad_alloc

  private:
    struct Key;
    std::unique_ptr<Key> key_;
};

}  // namespace momento
