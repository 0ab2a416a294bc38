#include "http/certificates.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/read_file.h"

namespace momento {
namespace {

constexpr size_t max_certificates = 4 << 20;  // bytes

}  // namespace

Status check_certificates(const std::string& path) {
    const Result<std::string> pem = read_file(path, max_certificates);
    if (!pem) return pem.error();
    BIO* bio = BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size()));
    X509* certificate = bio ? PEM_read_bio_X509_AUX(bio, nullptr, nullptr, nullptr) : nullptr;
    const bool found = certificate != nullptr;
    X509_free(certificate);
    BIO_free(bio);
    if (found) return {};
    return Error{"a file of PEM certificates is expected"};
}

}  // namespace momento
