// Credentials of a role that somebody else's credentials may assume.
#include <utility>

#include "aws/providers.h"
#include "aws/refreshing_provider.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

constexpr char assume_role_provider_name[] = "assume_role";

}  // namespace

ProviderPtr make_assume_role_provider(const Role& role, ProviderPtr source, const Endpoint& sts,
                                      const ProviderTools& tools) {
    if (Status checked = check_role(role); !checked) {
        return make_fixed_provider(assume_role_provider_name,
                                   {State::failed, nullptr, checked.error().text});
    }
    auto fetch = [role, sts, tools, told_of_blanks = std::make_shared<bool>(false),
                  source = std::shared_ptr<CredentialsProvider>(std::move(source))](
                     const FetchDone& done) {
        CredentialsAnswer identity = source->get();
        if (identity.state == State::absent) {
            identity.state = State::failed;
            identity.error = "role \"" + role.arn + "\" cannot be assumed: its source \"" +
                             source->name() + "\" has no credentials" +
                             (identity.error.empty() ? "" : ": ") + identity.error;
        }
        if (identity.state != State::ready) return done(std::move(identity));
        if (identity.had_blanks && !*told_of_blanks) {
            *told_of_blanks = true;
            tools.logger->write(Severity::error, blanks_warning(tools.user, source->name()));
        }
        tools.http->start(
            assume_role_request(sts, role, *identity.credentials, tools.server_clock->now_ms()),
            [role, source, clock = tools.server_clock,
             correction_ms = tools.server_clock->correction_ms(),
             done](const HttpResult& http) {
                clock->learn(http);
                StsAnswer sts_answer = read_sts_answer(StsOperation::assume_role, role, http);
                const bool is_corrected =
                    sts_answer.refused_identity && clock->heed(http.response, correction_ms);
                if (sts_answer.refused_identity && !is_corrected) source->invalidate();
                done(std::move(sts_answer.answer));
            });
    };
    return make_refreshing_provider({assume_role_provider_name}, tools, std::move(fetch));
}

}  // namespace momento::aws
