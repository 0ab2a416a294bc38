#include "ingest/verifier.h"

#include <utility>

#include "base/enum_table.h"

namespace momento {

namespace {

constexpr auto verdict_names = enum_table<Verdict, const char*>({
    {Verdict::accepted, "accepted"},
    {Verdict::unsigned_, "unsigned"},
    {Verdict::forged, "forged"},
    {Verdict::stale, "stale"},
    {Verdict::early, "early"},
    {Verdict::malformed, "malformed"},
    {Verdict::overloaded, "overloaded"},
    {Verdict::unavailable, "unavailable"},
    {Verdict::duplicate, "duplicate"},
    {Verdict::verified, "verified"},
});

// A secret that was chosen by the names of an unverified look may sign for no others.
bool names_hold(const std::optional<EventNames>& seen, const Payload& payload) {
    return !seen || (seen->cache == payload.cache && seen->topic == payload.topic);
}

}  // namespace

const char* verdict_name(Verdict verdict) {
    return verdict_names[verdict];
}

// The names come from an unverified look: they only choose which secrets to try.
void Verifier::match(Claim* claims, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        Claim& claim = claims[i];
        if (claim.keyring == nullptr || !claim.keyring->has_bound()) continue;
        if (auto seen = parser_.peek(claim.body)) {
            claim.names = {std::string(seen->cache), std::string(seen->topic)};
        }
    }
    Keyring::match(claims, count);
}

Judgement Verifier::judge(const Keyring& keyring, std::string_view body, const Mac& mac,
                          const Rules& rules, int64_t now_ms) {
    Claim claim{&keyring, body, mac};
    match(&claim, 1);
    return judge(claim, rules, now_ms);
}

Judgement Verifier::judge(const Claim& claim, const Rules& rules, int64_t now_ms) {
    Judgement judgement;
    if (claim.secret < 0) return judgement;

    auto payload = parser_.parse(claim.body, rules.limits);
    if (payload && !names_hold(claim.names, *payload)) return judgement;

    judgement.secret = claim.secret;
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

    judgement.reason = check_entry_size(*payload, claim.body, rules.limits);
    judgement.verdict = judgement.reason.empty() ? Verdict::accepted : Verdict::malformed;
    return judgement;
}

std::string check_entry_size(const Payload& payload, std::string_view body,
                             const EventLimits& limits) {
    const size_t size =
        limits.entry_overhead + payload.cache.size() + payload.topic.size() + body.size();
    if (limits.entry_bytes == 0 || size < limits.entry_bytes) return {};
    return "an entry of " + std::to_string(size) + " bytes is too large for a batch below " +
           std::to_string(limits.entry_bytes);
}

}  // namespace momento
