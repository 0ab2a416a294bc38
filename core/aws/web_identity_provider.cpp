// Credentials of a role, for a token that Kubernetes (or whoever else) keeps in a file.
#include <utility>

#include "aws/providers.h"
#include "aws/refreshing_provider.h"
#include "base/ascii.h"
#include "base/cleanse.h"
#include "base/read_file.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

constexpr char web_identity_provider_name[] = "web_identity";
constexpr size_t max_web_identity_token =
    20'000;  // bytes; WebIdentityToken of the STS API Reference

ProviderPtr failing(std::string why) {
    return make_fixed_provider(web_identity_provider_name,
                               {State::failed, nullptr, std::move(why)});
}

Result<HttpRequest> make_request(const WebIdentity& identity, const Endpoint& sts) {
    Result<std::string> token = read_file(identity.token_file, max_web_identity_token + 2);
    if (!token) return Error{"the web identity token: " + token.error().text};
    std::string_view bare = trim(*token);
    bool fits = !bare.empty() && bare.size() <= max_web_identity_token;
    Result<HttpRequest> request =
        fits ? Result<HttpRequest>(web_identity_request(sts, identity.role, bare))
             : Error{"the web identity token in \"" + identity.token_file +
                     "\" is empty or too long"};
    cleanse(*token);
    return request;
}

void send(HttpRequest request, const Role& role, const ProviderTools& tools,
          const FetchDone& done) {
    tools.http->start(std::move(request), [role, clock = tools.server_clock,
                                           done](const HttpResult& http) {
        clock->learn(http);
        done(read_sts_answer(StsOperation::assume_role_with_web_identity, role, http).answer);
    });
}

}  // namespace

ProviderPtr make_web_identity_provider(const WebIdentity& identity, const Endpoint& sts,
                                       const ProviderTools& tools) {
    if (Status checked = check_role(identity.role); !checked) {
        return failing(checked.error().text);
    }
    auto fetch = [identity, sts, tools](const FetchDone& done) {
        run_elsewhere<Result<HttpRequest>>(
            tools.errands, token_errand(tools.user, identity.token_file),
            [identity, sts] { return make_request(identity, sts); },
            [role = identity.role, tools, done](Result<HttpRequest> request) {
                if (!request) return done({State::failed, nullptr, request.error().text});
                send(std::move(*request), role, tools, done);
            });
    };
    return make_refreshing_provider({web_identity_provider_name}, tools, std::move(fetch));
}

ProviderPtr make_web_identity_provider(const EnvironmentSnapshot& env, const Endpoint& sts,
                                       const ProviderTools& tools) {
    WebIdentity identity;
    identity.token_file = env.get("AWS_WEB_IDENTITY_TOKEN_FILE");
    identity.role.arn = env.get("AWS_ROLE_ARN");
    const std::string& session_name = env.get("AWS_ROLE_SESSION_NAME");
    if (!session_name.empty()) identity.role.session_name = session_name;

    // A role alone says nothing: other tools use that variable too.
    if (identity.token_file.empty()) return make_fixed_provider(web_identity_provider_name, {});
    if (identity.role.arn.empty()) {
        return failing(
            "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN: set both or none");
    }
    return make_web_identity_provider(identity, sts, tools);
}

}  // namespace momento::aws
