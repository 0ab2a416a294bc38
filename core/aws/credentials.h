// AWS credentials, and the providers they come from: one kind a file, listed in providers.h.
//
// Providers belong to the delivery thread and never block: one that needs the network
// starts a request on the HttpClient and answers `pending` until it is back. Nothing here
// is ever logged; values are cleansed when dropped.
#pragma once

#include <cstdint>
#include <functional>
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

// What the process that read the configuration found in its environment. Copies share one
// set of values, cleansed with the last of them; any thread may read.
class EnvironmentSnapshot {
  public:
    using Lookup = std::function<const char*(const std::string& name)>;
    static EnvironmentSnapshot take(const Lookup& lookup);  // every variable used here

    // Empty string if not set, as AWS's SDKs treat an empty variable.
    const std::string& get(const std::string& name) const;
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
    std::string error;  // also of a chain that is `absent`: who was asked
};

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
    std::string profile;  // empty: AWS_PROFILE, then "default"
};

}  // namespace momento::aws
