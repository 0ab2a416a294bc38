#include "base/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <new>

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
    if (mac == nullptr) throw std::bad_alloc();
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

struct HmacSha256::Key {
    std::unique_ptr<EVP_MAC_CTX, Free> context;
};

HmacSha256::HmacSha256(std::string_view key) : key_(std::make_unique<Key>()) {
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    key_->context.reset(EVP_MAC_CTX_new(hmac_method()));
    // Not even an empty key may be a null pointer: that one keeps the key before.
    const char* bytes = key.empty() ? "" : key.data();
    if (!key_->context ||
        EVP_MAC_init(key_->context.get(), reinterpret_cast<const uint8_t*>(bytes), key.size(),
                     parameters) != 1) {
        throw std::bad_alloc();
    }
}

HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&&) noexcept = default;
HmacSha256::~HmacSha256() = default;

Sha256 HmacSha256::sign(std::string_view data) const {
    EVP_MAC_CTX* context = key_->context.get();
    Sha256 mac;
    size_t length = 0;
    // Without a key, init goes back to the state behind the absorbed one.
    if (EVP_MAC_init(context, nullptr, 0, nullptr) != 1 ||
        EVP_MAC_update(context, reinterpret_cast<const uint8_t*>(data.data()), data.size()) !=
            1 ||
        EVP_MAC_final(context, mac.data(), &length, mac.size()) != 1) {
        throw std::bad_alloc();
    }
    return mac;
}

}  // namespace momento
