// AWS credentials, and the providers they come from: one kind a file, listed in providers.h.
//
// Providers belong to the delivery thread and never block: one that needs the network
// starts a request on the HttpClient and answers `pending` until it is back. Nothing here
// is ever logged; values are cleansed when dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace momento::aws {

struct Credentials {
    std::string access_key_id;
    std::string secret_access_key;
    std::string session_token;          // empty: none
    std::optional<int64_t> expires_ms;  // wall clock; nothing: they do not expire

    Credentials() = default;
    Credentials(const Credentials&) = default;
    Credentials(Credentials&&) noexcept = default;
    Credentials& operator=(Credentials other) noexcept;  // cleanses what it replaces
    ~Credentials();                                      // cleanses
};

// What the process that read the configuration found in its environment, and perhaps in the
// profile in use (configuration.h). Copies share one set of values, cleansed with the last of
// them; any thread may read.
class EnvironmentSnapshot {
  public:
    using Lookup = std::function<const char*(const std::string& name)>;
    // Every variable used here. "https_proxy" and "no_proxy" stand in for their upper-case
    // names, as in Python: also an empty one.
    static EnvironmentSnapshot take(const Lookup& lookup);

    struct Value {
        std::string text;
        std::string source;  // what set it, for people; empty: the variable itself
    };

    // The same, with values for variables that are not set.
    EnvironmentSnapshot with(const std::map<std::string, Value>& values,
                             std::vector<std::string> profile_files) const;

    // Empty string if not set, as AWS's SDKs treat an empty variable.
    const std::string& get(const std::string& name) const;

    // What set a variable, for people: its name, or a setting of a profile and its place.
    std::string source(const std::string& name) const;

    // Whether that profile file was there when the configuration was read.
    bool saw_profile_file(const std::string& path) const;

    static const std::vector<std::string>& names();

  private:
    struct Variables;
    std::shared_ptr<const Variables> variables_;  // nullptr: none is set
};

struct CredentialsAnswer {
    enum class State {
        ready,
        pending,  // being fetched
        absent,   // this provider has nothing to say: the next one is asked
        failed,   // it should have had credentials: `error` says why not
    };
    State state = State::absent;
    std::shared_ptr<const Credentials> credentials;
    std::string error;  // also of one that is `absent`: why, or who was asked
    // Of those that are ready: blanks or line ends stood around them (accept_credentials()).
    bool had_blanks = false;
};

// Drops blanks and line ends around the values: secrets of Kubernetes, and whatever else was
// written by hand, have them. Whoever asks says so once, see blanks_warning().
bool drop_blanks(Credentials& credentials);

// An answer that is ready; or failed, if a control character stands within a value: nothing
// could be signed with it, and as a header it would be refused.
CredentialsAnswer accept_credentials(std::shared_ptr<Credentials> credentials, bool had_blanks);

// For people; `kind` is the provider's name.
std::string blanks_warning(const std::string& user, const std::string& kind);

class CredentialsProvider {
  public:
    virtual ~CredentialsProvider() = default;

    virtual const char* name() const = 0;
    virtual CredentialsAnswer get() = 0;

    // The service called the last ones expired or unknown: fetch new ones if possible.
    virtual void invalidate() {}
};

// Settings of one destination's `credentials` directive.
struct CredentialsSettings {
    enum class Kind { automatic, environment, profile, web_identity, container, instance };
    Kind kind = Kind::automatic;
    std::string profile;  // empty: profile_name()
};

}  // namespace momento::aws
