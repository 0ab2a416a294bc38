#include "ingest/verifier.h"

#include <utility>

namespace momento {

const char* verdict_name(Verdict verdict) {
    switch (verdict) {
        case Verdict::accepted:
            return "accepted";
        case Verdict::unsigned_:
            return "unsigned";
        case Verdict::forged:
            return "forged";
        case Verdict::stale:
            return "stale";
        case Verdict::early:
            return "early";
        case Verdict::malformed:
            return "malformed";
        case Verdict::overloaded:
            return "overloaded";
        case Verdict::unavailable:
            return "unavailable";
    }
    return "";
}

Judgement Verifier::judge(const Keyring& keyring, std::string_view body, const Mac& mac,
                          const Rules& rules, int64_t now_ms) {
    Judgement judgement;
    const int secret = match(keyring, body, mac);
    if (secret < 0) return judgement;

    auto payload = parser_.parse(body);
    if (payload && !names_hold(*payload)) return judgement;

    judgement.secret = secret;
    if (!payload) {
        judgement.verdict = Verdict::malformed;
        judgement.reason = payload.error().text;
        return judgement;
    }
    judgement.payload = *payload;
    judgement.age_ms = age_ms(payload->publish_timestamp, now_ms);

    switch (judge_freshness(payload->publish_timestamp, now_ms, rules.window)) {
        case Freshness::stale:
            judgement.verdict = Verdict::stale;
            return judgement;
        case Freshness::early:
            judgement.verdict = Verdict::early;
            return judgement;
        case Freshness::fresh:
            break;
    }

    const size_t size =
        rules.entry_overhead + payload->cache.size() + payload->topic.size() + body.size();
    if (size >= rules.entry_limit) {
        judgement.verdict = Verdict::malformed;
        judgement.reason = "an entry of " + std::to_string(size) +
                           " bytes is too large for a batch below " +
                           std::to_string(rules.entry_limit);
        return judgement;
    }
    judgement.verdict = Verdict::accepted;
    return judgement;
}

// The names may come from an unverified look: they only choose which secrets to try.
int Verifier::match(const Keyring& keyring, std::string_view body, const Mac& mac) {
    cache_.reset();
    topic_.reset();
    if (keyring.has_bound()) {
        if (auto look = parser_.peek(body)) {
            cache_ = look->cache;
            topic_ = look->topic;
        }
    }
    if (!cache_) return keyring.match(body, mac, nullptr, nullptr);

    const std::string_view cache = *cache_;
    const std::string_view topic = *topic_;
    return keyring.match(body, mac, &cache, &topic);
}

// A secret that was chosen by these names may sign for no others.
bool Verifier::names_hold(const Payload& payload) const {
    return !cache_ || (*cache_ == payload.cache && *topic_ == payload.topic);
}

}  // namespace momento
