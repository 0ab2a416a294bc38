#include "ingest/signature.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/hex.h"
#include "ingest/keccak_lanes.h"

namespace momento {

namespace {

// A key longer than a block counts by its hash (FIPS 198-1, 4). False if there is no hash.
bool absorb_key(const KeccakLanes& lanes, std::string_view secret,
                std::optional<HmacKey>& key) {
    if (secret.size() <= sha3_256_rate) {
        key.emplace(lanes, secret);
        return true;
    }
    std::array<char, mac_size> hash;
    if (EVP_Q_digest(nullptr, "SHA3-256", nullptr, secret.data(), secret.size(),
                     reinterpret_cast<uint8_t*>(hash.data()), nullptr) != 1) {
        return false;
    }
    key.emplace(lanes, std::string_view(hash.data(), hash.size()));
    OPENSSL_cleanse(hash.data(), hash.size());
    return true;
}

}  // namespace

std::optional<Mac> parse_signature(std::string_view header) {
    if (header.size() != signature_length) return std::nullopt;
    Mac mac;
    for (size_t i = 0; i < mac.size(); ++i) {
        const int high = hex_value(header[2 * i]);
        const int low = hex_value(header[2 * i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        mac[i] = static_cast<uint8_t>(high << 4 | low);
    }
    return mac;
}

std::string format_signature(const Mac& mac) {
    return to_hex(mac);
}

bool equal_macs(const Mac& a, const Mac& b) {
    return CRYPTO_memcmp(a.data(), b.data(), mac_size) == 0;
}

struct Signer::Key {
    Hmac hmac;
    std::optional<HmacKey> in_lanes;  // where the machine has any
};

Signer::Signer(std::unique_ptr<Key> key) : key_(std::move(key)) {}
Signer::Signer(Signer&&) noexcept = default;
Signer& Signer::operator=(Signer&&) noexcept = default;
Signer::~Signer() = default;

Result<Signer> Signer::create(std::string_view secret) {
    if (secret.empty()) return Error{"the secret is empty"};

    std::optional<Hmac> hmac = Hmac::create("SHA3-256", secret);
    std::unique_ptr<Key> key;
    if (hmac) key.reset(new Key{*std::move(hmac), std::nullopt});
    if (!key ||
        (widest_lanes() != nullptr && !absorb_key(*widest_lanes(), secret, key->in_lanes))) {
        ERR_clear_error();  // nginx would report what is left there as somebody else's
        return Error{"OpenSSL gives no HMAC with SHA3-256: is its default provider loaded?"};
    }
    return Signer(std::move(key));
}

Mac Signer::sign(std::string_view body) const {
    return key_->hmac.sign(body);
}

void sign_all(SignRequest* requests, size_t count) {
    const KeccakLanes* lanes = widest_lanes();
    if (lanes == nullptr || count == 1) {
        for (size_t i = 0; i < count; ++i) {
            requests[i].mac = requests[i].signer->sign(requests[i].body);
        }
        return;
    }
    std::vector<LaneMessage> messages;
    messages.reserve(count);
    for (size_t i = 0; i < count; ++i) {
        SignRequest& request = requests[i];
        messages.push_back(
            {&*request.signer->key_->in_lanes, request.body, request.mac.data()});
    }
    sign_in_lanes(*lanes, messages.data(), messages.size());
}

}  // namespace momento
