// Momento-Signature: lower-case hex of HMAC-SHA3-256 (FIPS 198-1 over FIPS 202), keyed with
// the secret's bytes, over the raw body.
//
// The event loop keeps one Signer per secret; a Signer is not shared between threads. The
// key is absorbed once: a signature costs one pass over the body and one final block, and
// those of several bodies at once a fraction of that where the machine has wide registers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace momento {

inline constexpr size_t mac_size = 32;
inline constexpr size_t signature_length = 2 * mac_size;

using Mac = std::array<uint8_t, mac_size>;

// The header's value as bytes; nothing unless it is exactly 64 lower-case hex digits.
std::optional<Mac> parse_signature(std::string_view header);
std::string format_signature(const Mac& mac);

// Takes the same time wherever the first difference is.
bool equal_macs(const Mac& a, const Mac& b);

class Signer {
  public:
    // An empty secret is an error.
    static Result<Signer> create(std::string_view secret);

    Signer(Signer&&) noexcept;
    Signer& operator=(Signer&&) noexcept;
    ~Signer();  // cleanses the key

    Mac sign(std::string_view body) const;

  private:
    friend void sign_all(struct SignRequest* requests, size_t count);

    struct Key;
    explicit Signer(std::unique_ptr<Key> key);
    std::unique_ptr<Key> key_;
};

struct SignRequest {
    const Signer* signer;
    std::string_view body;
    Mac mac{};  // the answer
};

// Signs all of them together.
void sign_all(SignRequest* requests, size_t count);

}  // namespace momento
