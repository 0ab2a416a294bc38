#include "base/digest.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <new>
#include <utility>

namespace momento {

namespace {

struct Free {
    void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
    void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

// Fetched once a process: a fetch walks OpenSSL's providers under a lock, which takes longer
// than to hash a signature.
const EVP_MD* sha256_method() {
    static const std::unique_ptr<EVP_MD, Free> digest(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    if (digest == nullptr) throw std::bad_alloc();
    return digest.get();
}

EVP_MAC* hmac_method() {
    static const std::unique_ptr<EVP_MAC, Free> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    return mac.get();
}

}  // namespace

Sha256 sha256(std::string_view data) {
    Sha256 digest;
    if (EVP_Digest(data.data(), data.size(), digest.data(), nullptr, sha256_method(),
                   nullptr) != 1) {
        throw std::bad_alloc();
    }
    return digest;
}

// OpenSSL wipes key and states when the context is freed.
struct Hmac::Key {
    std::unique_ptr<EVP_MAC_CTX, Free> context;
};

Hmac::Hmac(std::unique_ptr<Key> key) : key_(std::move(key)) {}
Hmac::Hmac(Hmac&&) noexcept = default;
Hmac& Hmac::operator=(Hmac&&) noexcept = default;
Hmac::~Hmac() = default;

std::optional<Hmac> Hmac::create(const char* hash, std::string_view key) {
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(hash), 0),
        OSSL_PARAM_construct_end(),
    };
    auto absorbed = std::make_unique<Key>();
    if (hmac_method() != nullptr) absorbed->context.reset(EVP_MAC_CTX_new(hmac_method()));
    // Not even an empty key may be a null pointer: that one keeps the key before.
    const char* bytes = key.empty() ? "" : key.data();
    if (!absorbed->context ||
        EVP_MAC_init(absorbed->context.get(), reinterpret_cast<const uint8_t*>(bytes),
                     key.size(), parameters) != 1) {
        ERR_clear_error();  // nginx would report what is left there as somebody else's
        return std::nullopt;
    }
    return Hmac(std::move(absorbed));
}

std::array<uint8_t, sha256_size> Hmac::sign(std::string_view data) const {
    EVP_MAC_CTX* context = key_->context.get();
    std::array<uint8_t, sha256_size> mac;
    size_t length = 0;
    // Without a key, init goes back to the state behind the absorbed one.
    if (EVP_MAC_init(context, nullptr, 0, nullptr) != 1 ||
        EVP_MAC_update(context, reinterpret_cast<const uint8_t*>(data.data()), data.size()) !=
            1 ||
        EVP_MAC_final(context, mac.data(), &length, mac.size()) != 1 || length != mac.size()) {
        ERR_clear_error();
        throw std::bad_alloc();  // nothing else can go wrong with a key in place
    }
    return mac;
}

}  // namespace momento
