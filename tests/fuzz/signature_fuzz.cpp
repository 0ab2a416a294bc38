// Signatures and secrets of any shape: the first line of the input is a header and a
// source, the second a secret, the rest a body.
#include <openssl/evp.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "ingest/secrets.h"
#include "ingest/signature.h"

using namespace momento;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

std::string_view take_line(std::string_view* rest) {
    size_t end = rest->find('\n');
    std::string_view line = rest->substr(0, end);
    rest->remove_prefix(end == std::string_view::npos ? rest->size() : end + 1);
    return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
    std::string_view body(reinterpret_cast<const char*>(data), size);
    std::string_view line = take_line(&body);
    std::string_view secret = take_line(&body);

    if (auto mac = parse_signature(line)) require(format_signature(*mac) == line);
    if (auto source = SecretSource::parse(line)) {
        if (auto value = extract_secret(*source, body)) require(!value->bytes().empty());
        if (source->kind == SecretSource::Kind::plain) require(source->name() == "plain");
    }

    auto signer = Signer::create(secret);
    require(static_cast<bool>(signer) == !secret.empty());
    if (!signer) return 0;
    Mac mac = signer->sign(body);
    require(signer->sign(body) == mac);
    require(parse_signature(format_signature(mac)) == mac);

    // The same by OpenSSL's one-shot interface, which keeps no state between bodies.
    Mac expected;
    size_t length = 0;
    require(EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA3-256", nullptr, secret.data(),
                      secret.size(), reinterpret_cast<const uint8_t*>(body.data()), body.size(),
                      expected.data(), expected.size(), &length) != nullptr);
    require(length == mac_size && expected == mac);
    return 0;
}
