// Where secrets come from, and which of them may sign what.
//
// SecretSource is what `momento_webhook_secret` and `momentoctl --secret` name. It is read
// while the configuration is read (in the master, as root) and again by whoever refreshes
// it; a value is never logged.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "ingest/signature.h"

namespace momento {

// A secret's bytes, cleansed when dropped.
class SecretValue {
  public:
    explicit SecretValue(std::string value = {}) : value_(std::move(value)) {}
    SecretValue(const SecretValue&) = default;
    SecretValue(SecretValue&&) noexcept = default;
    SecretValue& operator=(const SecretValue&);
    SecretValue& operator=(SecretValue&&) noexcept;
    ~SecretValue();

    std::string_view bytes() const { return value_; }

  private:
    std::string value_;
};

// The name of every secret that is given itself.
inline constexpr char plain_source[] = "plain";

struct SecretSource {
    enum class Kind { plain, file, environment, secrets_manager, count };
    static constexpr const char* default_member = "momentoSecret";  // as Momento's own stack

    Kind kind = Kind::plain;
    std::string location;  // path, variable, secret id; for `plain` the secret itself
    std::string member = default_member;  // of a JSON object; named behind '#'

    // Reads `file:PATH[#member]`, `env:NAME[#member]`, `secretsmanager:ID[#member]` (the
    // last '#' counts), or anything else as a plain string.
    static Result<SecretSource> parse(std::string_view text);

    // For logs and metrics: the source without a value ("file:/etc/momento.secret", "plain").
    std::string name() const;
};

// What a source's content means: a JSON object gives its member, anything else counts
// whole, less one trailing newline ("\n" or "\r\n"). Empty is an error, and so is anything
// else where a member other than the default was asked for.
Result<SecretValue> extract_secret(const SecretSource& source, std::string_view content);

// Reads a plain, file or environment source now. `environment` looks a variable up
// (nullptr: not set).
using Environment = std::function<const char*(const std::string& name)>;
Result<SecretValue> load_secret(const SecretSource& source, const Environment& environment);

// One secret of a location. Bound to a cache (and a topic) it verifies only their events.
struct SecretBinding {
    std::string name;   // SecretSource::name()
    std::string cache;  // empty: any
    std::string topic;  // empty: any
    SecretValue value;  // empty: not known yet, it verifies nothing
};

// The names that say whose event a body is.
struct EventNames {
    std::string cache;
    std::string topic;
};

// A body and the signature that came with it.
struct Claim {
    const class Keyring* keyring = nullptr;  // the secrets that may have given it, if any
    std::string_view body;
    Mac mac{};
    std::optional<EventNames> names{};  // from an unverified look, if there was one
    int secret = -1;                    // index in the keyring of the one that did; -1: none
};

// The secrets of one location, ready to verify. Lives on the event loop.
class Keyring {
  public:
    Keyring() = default;  // without any
    static Result<Keyring> create(const std::vector<SecretBinding>& secrets);

    // A peek at the body is worth it: some are bound, of known value or not.
    bool has_bound() const { return has_bound_; }

    // Finds the secret of each claim. Tried are those that may sign for its names: the bound
    // ones that match (none if the names are unknown), and all unbound ones. MACs of all
    // claims are computed together, and each compared in constant time.
    static void match(Claim* claims, size_t count);

  private:
    void add_candidates(const std::optional<EventNames>& names,
                        std::vector<size_t>& candidates) const;

    std::vector<std::optional<Signer>> signers_;  // nothing: not known yet
    bool has_bound_ = false;
    // Indexes into signers_, of known ones. Those of a bound secret are found by the names it
    // is bound to, so the cost of a body does not grow with the secrets of other webhooks.
    std::vector<size_t> unbound_;
    std::unordered_map<std::string, std::vector<size_t>> bound_;
};

}  // namespace momento
