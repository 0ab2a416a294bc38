// Digests of a few bytes, as often as once an event.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace momento {

inline constexpr size_t sha256_size = 32;  // bytes
using Sha256 = std::array<uint8_t, sha256_size>;

// Throws std::bad_alloc: OpenSSL's digests fail for want of memory only.
Sha256 sha256(std::string_view data);

// HMAC (RFC 2104) under one key, absorbed once and cleansed in the end. For one thread at a
// time.
class Hmac {
  public:
    // OpenSSL's name of a hash of 256 bits: "SHA256", "SHA3-256". Nothing if OpenSSL does not
    // give it, or has no memory.
    static std::optional<Hmac> create(const char* hash, std::string_view key);

    Hmac(Hmac&&) noexcept;
    Hmac& operator=(Hmac&&) noexcept;
    ~Hmac();

    std::array<uint8_t, sha256_size> sign(
        std::string_view data) const;  // throws std::bad_alloc

  private:
    struct Key;
    explicit Hmac(std::unique_ptr<Key> key);
    std::unique_ptr<Key> key_;
};

}  // namespace momento
