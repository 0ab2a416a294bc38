#include "aws/credentials_chain.h"

#include <utility>

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

class Chain final : public CredentialsProvider {
  public:
    explicit Chain(std::vector<ProviderPtr> providers) : providers_(std::move(providers)) {}

    const char* name() const override { return chosen_ ? chosen_->name() : "auto"; }

    CredentialsAnswer get() override {
        if (chosen_) return chosen_->get();
        std::string asked;
        bool have_reasons = false;
        for (auto& provider : providers_) {
            CredentialsAnswer answer = provider->get();
            if (answer.state == State::ready) chosen_ = provider.get();
            if (answer.state == State::failed && have_reasons) {
                // Perhaps it should not have been asked at all.
                answer.error.append("; asked before: ").append(asked);
            }
            if (answer.state != State::absent) return answer;
            asked.append(asked.empty() ? "" : ", ").append(provider->name());
            if (!answer.error.empty()) asked.append(" (").append(answer.error).append(")");
            have_reasons = have_reasons || !answer.error.empty();
        }
        return {State::absent, nullptr, "no credentials found; asked: " + asked};
    }

    void invalidate() override {
        if (chosen_) return chosen_->invalidate();
        for (auto& provider : providers_) provider->invalidate();
    }

  private:
    std::vector<ProviderPtr> providers_;
    CredentialsProvider* chosen_ = nullptr;  // one of them
};

}  // namespace

ProviderPtr make_credentials(const CredentialsSettings& settings,
                             const EnvironmentSnapshot& env, const Endpoint& sts,
                             const ProviderTools& tools) {
    using Kind = CredentialsSettings::Kind;
    auto asks = [&](Kind kind) {
        return settings.kind == Kind::automatic || settings.kind == kind;
    };
    std::vector<ProviderPtr> providers;
    if (asks(Kind::environment)) providers.push_back(make_environment_provider(env));
    if (asks(Kind::web_identity)) {
        providers.push_back(make_web_identity_provider(env, sts, tools));
    }
    if (asks(Kind::profile)) {
        providers.push_back(make_profile_provider(env, settings.profile, sts, tools));
    }
    if (asks(Kind::container)) providers.push_back(make_container_provider(env, tools));
    if (asks(Kind::instance)) providers.push_back(make_instance_provider(env, tools));
    return make_credentials_chain(std::move(providers));
}

ProviderPtr make_credentials_chain(std::vector<ProviderPtr> providers) {
    return std::make_unique<Chain>(std::move(providers));
}

}  // namespace momento::aws
