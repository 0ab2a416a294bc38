#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>
#include <new>

namespace momento {

namespace {

struct Free {
    void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
};

// Fetched once a process: a fetch walks OpenSSL's providers under a lock, which takes longer
// than to hash a signature.
const EVP_MD* fetched() {
    static const std::unique_ptr<EVP_MD, Free> digest(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    if (digest == nullptr) throw std::bad_alloc();
    return digest.get();
}

}  // namespace

Sha256 sha256(std::string_view data) {
    Sha256 digest;
    if (EVP_Digest(data.data(), data.size(), digest.data(), nullptr, fetched(), nullptr) != 1) {
        throw std::bad_alloc();
    }
    return digest;
}

Sha256 hmac_sha256(std::string_view key, std::string_view data) {
    Sha256 mac;
    if (HMAC(fetched(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(data.data()), data.size(), mac.data(),
             nullptr) == nullptr) {
        throw std::bad_alloc();
    }
    return mac;
}

}  // namespace momento
