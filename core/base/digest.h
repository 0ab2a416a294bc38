// SHA-256 of a few bytes, as often as once an event.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace momento {

inline constexpr size_t sha256_size = 32;  // bytes
using Sha256 = std::array<uint8_t, sha256_size>;

// Throws std::bad_alloc: OpenSSL's digests fail for want of memory only.
Sha256 sha256(std::string_view data);

// HMAC-SHA256 (RFC 2104).
Sha256 hmac_sha256(std::string_view key, std::string_view data);

}  // namespace momento
