#include "ingest/secrets.h"

#include <algorithm>
#include <utility>

#include "base/cleanse.h"
#include "base/enum_table.h"
#include "base/json.h"
#include "base/read_file.h"

namespace momento {

namespace {

constexpr size_t max_content = 65'536;  // bytes; what AWS Secrets Manager holds at most

struct Scheme {
    std::string_view prefix;  // empty: everything that has none of the others
    const char* what;
};
constexpr auto schemes = enum_table<SecretSource::Kind, Scheme>({
    {SecretSource::Kind::plain, {"", "secret"}},
    {SecretSource::Kind::file, {"file:", "file"}},
    {SecretSource::Kind::environment, {"env:", "environment variable"}},
    {SecretSource::Kind::secrets_manager, {"secretsmanager:", "secret"}},
});

// "\n", or "\r\n": one line end, as editors and echo leave it.
std::string_view without_newline(std::string_view content) {
    if (content.empty() || content.back() != '\n') return content;
    content.remove_suffix(1);
    if (!content.empty() && content.back() == '\r') content.remove_suffix(1);
    return content;
}

Error about(const SecretSource& source, const std::string& what) {
    return Error{"secret \"" + source.name() + "\" " + what};
}

// Whose events a bound secret signs, as a key of the index. The length keeps apart what
// only looks alike: ("a", "bc") and ("ab", "c").
std::string make_scope(std::string_view cache, std::string_view topic) {
    std::string scope = std::to_string(cache.size());
    scope += ':';
    scope += cache;
    scope += topic;
    return scope;
}

}  // namespace

SecretValue& SecretValue::operator=(const SecretValue& other) {
    if (this != &other) {
        cleanse(value_);
        value_ = other.value_;
    }
    return *this;
}

SecretValue& SecretValue::operator=(SecretValue&& other) noexcept {
    if (this != &other) {
        cleanse(value_);
        value_ = std::move(other.value_);
    }
    return *this;
}

SecretValue::~SecretValue() {
    cleanse(value_);
}

Result<SecretSource> SecretSource::parse(std::string_view text) {
    SecretSource source;
    for (const Kind kind : each<Kind>()) {
        const Scheme& scheme = schemes[kind];
        if (scheme.prefix.empty() || text.substr(0, scheme.prefix.size()) != scheme.prefix) {
            continue;
        }
        source.kind = kind;
        std::string_view location = text.substr(scheme.prefix.size());
        if (size_t hash = location.rfind('#'); hash != std::string_view::npos) {
            source.member = location.substr(hash + 1);
            location = location.substr(0, hash);
        }
        source.location = location;
        if (location.empty()) {
            return Error{"secret \"" + std::string(text) + "\" names no " + scheme.what};
        }
        if (source.member.empty()) {
            return Error{"secret \"" + std::string(text) + "\" names no member behind \"#\""};
        }
        return source;
    }
    if (text.empty()) return Error{"the secret is empty"};
    source.location = text;
    return source;
}

std::string SecretSource::name() const {
    if (kind == Kind::plain) return plain_source;
    std::string name = std::string(schemes[kind].prefix) + location;
    if (member != default_member) name += '#' + member;
    return name;
}

Result<SecretValue> extract_secret(const SecretSource& source, std::string_view content) {
    Result<Json> json = Json::parse(content);
    if (json && json->is_object()) {
        Json member = json->get(source.member.c_str());
        if (!member) return about(source, "has no member \"" + source.member + '"');
        auto text = member.as_string();
        if (!text) return about(source, "has no string in member \"" + source.member + '"');
        if (text->empty()) return about(source, "has an empty member \"" + source.member + '"');
        return SecretValue(std::string(*text));
    }
    if (source.member != SecretSource::default_member) {
        return about(source, "is no JSON object: it has no member \"" + source.member + '"');
    }
    content = without_newline(content);
    if (content.empty()) return about(source, "is empty");
    return SecretValue(std::string(content));
}

Result<SecretValue> load_secret(const SecretSource& source, const Environment& environment) {
    switch (source.kind) {
        case SecretSource::Kind::plain:
            return extract_secret(source, source.location);
        case SecretSource::Kind::environment: {
            const char* value = environment(source.location);
            if (value == nullptr) return about(source, "is not set in the environment");
            return extract_secret(source, value);
        }
        case SecretSource::Kind::file: {
            auto content = read_file(source.location, max_content);
            if (!content) return content.error();
            auto secret = extract_secret(source, *content);
            cleanse(*content);
            return secret;
        }
        case SecretSource::Kind::secrets_manager:
        case SecretSource::Kind::count:
            break;
    }
    return about(source, "can only be fetched from AWS Secrets Manager");
}

Result<Keyring> Keyring::create(const std::vector<SecretBinding>& secrets) {
    Keyring ring;
    for (const SecretBinding& secret : secrets) {
        const size_t index = ring.signers_.size();
        const bool is_bound = !secret.cache.empty() || !secret.topic.empty();
        ring.has_bound_ = ring.has_bound_ || is_bound;
        ring.signers_.emplace_back();
        if (secret.value.bytes().empty()) continue;

        auto signer = Signer::create(secret.value.bytes());
        if (!signer) return Error{"secret \"" + secret.name + "\": " + signer.error().text};
        ring.signers_.back().emplace(std::move(*signer));
        if (!is_bound) {
            ring.unbound_.push_back(index);
        } else {
            ring.bound_[make_scope(secret.cache, secret.topic)].push_back(index);
        }
    }
    return ring;
}

// In the order in which they are tried.
void Keyring::add_candidates(const std::optional<EventNames>& names,
                             std::vector<size_t>& candidates) const {
    auto add = [&candidates](const std::vector<size_t>& some) {
        candidates.insert(candidates.end(), some.begin(), some.end());
    };
    if (names && has_bound()) {
        const auto& [cache, topic] = *names;
        for (const std::string& scope :
             {make_scope(cache, topic), make_scope(cache, {}), make_scope({}, topic)}) {
            if (auto bound = bound_.find(scope); bound != bound_.end()) add(bound->second);
        }
    }
    add(unbound_);
}

void Keyring::match(Claim* claims, size_t count) {
    struct Search {
        Claim* claim;
        size_t next;  // in `candidates`
        size_t end;
    };
    std::vector<size_t> candidates;
    std::vector<Search> searches;
    candidates.reserve(count);
    searches.reserve(count);
    for (size_t i = 0; i < count; ++i) {
        if (claims[i].keyring == nullptr) continue;
        const size_t first = candidates.size();
        claims[i].keyring->add_candidates(claims[i].names, candidates);
        searches.push_back({&claims[i], first, candidates.size()});
    }

    // In each round everybody's next candidate: as a rule there is only one round.
    std::vector<SignRequest> requests;
    requests.reserve(count);
    for (;;) {
        auto is_over = [](const Search& search) {
            return search.claim->secret >= 0 || search.next == search.end;
        };
        searches.erase(std::remove_if(searches.begin(), searches.end(), is_over),
                       searches.end());
        if (searches.empty()) return;

        requests.clear();
        for (const Search& search : searches) {
            const Keyring& keyring = *search.claim->keyring;
            requests.push_back(
                {&*keyring.signers_[candidates[search.next]], search.claim->body});
        }
        sign_all(requests.data(), requests.size());
        for (size_t i = 0; i < requests.size(); ++i) {
            Search& search = searches[i];
            if (equal_macs(requests[i].mac, search.claim->mac)) {
                search.claim->secret = static_cast<int>(candidates[search.next]);
            }
            ++search.next;
        }
    }
}

}  // namespace momento
