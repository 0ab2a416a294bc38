// Credentials from AWS_ACCESS_KEY_ID and its companions, as the configuration's reader
// found them: they cannot change while the process runs.
#include <utility>

#include "aws/providers.h"
#include "aws/timestamp.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

CredentialsAnswer read(const EnvironmentSnapshot& env) {
    auto credentials = std::make_shared<Credentials>();
    credentials->access_key_id = env.get("AWS_ACCESS_KEY_ID");
    credentials->secret_access_key = env.get("AWS_SECRET_ACCESS_KEY");
    credentials->session_token = env.get("AWS_SESSION_TOKEN");
    if (credentials->session_token.empty()) {
        credentials->session_token = env.get("AWS_SECURITY_TOKEN");
    }

    const bool had_blanks = drop_blanks(*credentials);

    // A secret alone is what is left when somebody unset the key: not meant, as the
    // SDKs see it. A key alone is a mistake that another identity must not paper over.
    if (credentials->access_key_id.empty()) return {State::absent, nullptr, {}};
    if (credentials->secret_access_key.empty()) {
        return {State::failed, nullptr,
                "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY: set both or none"};
    }

    const std::string& expiration = env.get("AWS_CREDENTIAL_EXPIRATION");
    if (!expiration.empty()) {
        credentials->expires_ms = parse_timestamp(expiration);
        if (!credentials->expires_ms) {
            return {State::failed, nullptr,
                    "AWS_CREDENTIAL_EXPIRATION \"" + expiration +
                        "\" is not a time like \"2030-01-01T00:00:00Z\""};
        }
    }
    return accept_credentials(std::move(credentials), had_blanks);
}

class FixedProvider final : public CredentialsProvider {
  public:
    FixedProvider(const char* name, CredentialsAnswer answer)
        : name_(name), answer_(std::move(answer)) {}

    const char* name() const override { return name_; }
    CredentialsAnswer get() override { return answer_; }

  private:
    const char* const name_;
    const CredentialsAnswer answer_;
};

}  // namespace

ProviderPtr make_environment_provider(const EnvironmentSnapshot& env) {
    return make_fixed_provider("environment", read(env));
}

ProviderPtr make_fixed_provider(const char* name, CredentialsAnswer answer) {
    return std::make_unique<FixedProvider>(name, std::move(answer));
}

}  // namespace momento::aws
