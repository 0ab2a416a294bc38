#include "ingest/location_secrets.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace momento {
namespace {

// Whether an event with these names is one that the secret signs. Names that could not be
// found out fit none that is bound to some.
bool may_sign(const LocationSecret& secret, const std::optional<EventNames>& names) {
    if (secret.cache.empty() && secret.topic.empty()) return true;
    if (!names) return false;
    const bool cache_fits = secret.cache.empty() || secret.cache == names->cache;
    const bool topic_fits = secret.topic.empty() || secret.topic == names->topic;
    return cache_fits && topic_fits;
}

}  // namespace

LocationSecrets::LocationSecrets(std::shared_ptr<const std::vector<LocationSecret>> secrets,
                                 SecretBoard& board)
    : secrets_(std::move(secrets)), board_(board) {}

Status LocationSecrets::update(int64_t now_ms) {
    std::vector<SecretBinding> bindings;
    std::vector<Version> versions;
    int64_t retires_ms = std::numeric_limits<int64_t>::max();
    for (size_t i = 0; i < secrets_->size(); ++i) {
        const LocationSecret& secret = (*secrets_)[i];
        const auto add = [&](SecretStage stage, const SecretValue& value) {
            bindings.push_back({secret.name, secret.cache, secret.topic, value});
            versions.push_back({i, stage});
        };
        if (!secret.source) {
            add(SecretStage::current, secret.value);
            continue;
        }
        const SecretSet* set = board_.find(*secret.source);
        add(SecretStage::current, set ? set->current.value : SecretValue());
        if (set == nullptr || !set->previous) continue;
        const int64_t until_ms = set->current.created_ms + secret.previous_ms;
        if (now_ms >= until_ms) continue;
        add(SecretStage::previous, set->previous->value);
        retires_ms = std::min(retires_ms, until_ms);
    }
    auto keyring = Keyring::create(bindings);
    if (!keyring) return keyring.error();
    keyring_ = std::move(*keyring);
    versions_ = std::move(versions);
    retires_ms_ = retires_ms;
    return {};
}

bool LocationSecrets::uses(size_t source) const {
    return std::any_of(
        secrets_->begin(), secrets_->end(),
        [source](const LocationSecret& secret) { return secret.source == source; });
}

bool LocationSecrets::has_value() const {
    return std::any_of(secrets_->begin(), secrets_->end(), [this](const LocationSecret& s) {
        return !s.source || board_.find(*s.source) != nullptr;
    });
}

int64_t LocationSecrets::made_ms(const Version& version) const {
    const bool is_used =
        std::any_of(versions_.begin(), versions_.end(), [&version](const Version& used) {
            return used.secret == version.secret && used.stage == version.stage;
        });
    if (!is_used) return 0;
    const LocationSecret& secret = (*secrets_)[version.secret];
    if (!secret.source) return secret.read_ms;
    const SecretSet* set = board_.find(*secret.source);
    if (set == nullptr) return 0;
    const bool is_current = version.stage == SecretStage::current;
    return is_current ? set->current.created_ms : set->previous->created_ms;
}

LocationSecrets::Doubt LocationSecrets::doubt(const Claim& claim, int64_t since_us,
                                              int64_t until_us) const {
    Doubt doubt;
    for (const LocationSecret& secret : *secrets_) {
        if (!secret.source || !may_sign(secret, claim.names)) continue;
        // Every one is asked, whatever the others said.
        const bool expected = board_.expects_news(*secret.source, since_us, until_us);
        doubt.expects_news = doubt.expects_news || expected;
        doubt.is_blind = doubt.is_blind || board_.find(*secret.source) == nullptr;
    }
    // Without a secret there is nothing else to do but wait.
    doubt.expects_news = doubt.expects_news || doubt.is_blind;
    return doubt;
}

}  // namespace momento
