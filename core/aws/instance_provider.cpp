// Credentials of an EC2 instance's role.
#include <algorithm>
#include <utility>

#include "aws/credentials_document.h"
#include "aws/instance_metadata.h"
#include "aws/providers.h"
#include "aws/refreshing_provider.h"
#include "base/ascii.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;
using MetadataPtr = std::shared_ptr<InstanceMetadata>;

constexpr char instance_provider_name[] = "instance";
constexpr char credentials_path[] = "/latest/meta-data/iam/security-credentials/";
constexpr size_t max_role = 64;  // characters of a role's name

CredentialsAnswer answer(const MetadataPtr& metadata, State state, const std::string& why) {
    return {state, nullptr, "instance metadata \"" + metadata->origin() + "\": " + why};
}

// The first line; empty if it is no role's name.
std::string role_of(std::string_view list) {
    std::string_view role = trim(list.substr(0, list.find('\n')));
    constexpr std::string_view marks = "_+=,.@-";
    bool fits = role.size() <= max_role && std::all_of(role.begin(), role.end(), [&](char c) {
                    return is_alphanumeric(c) || marks.find(c) != marks.npos;
                });
    return fits ? std::string(role) : std::string();
}

void fetch_set(const MetadataPtr& metadata, const std::string& role, const FetchDone& done) {
    metadata->get(credentials_path + role, [metadata, done](const HttpResult& http) {
        if (http.failed) return done(answer(metadata, State::failed, http.failure.text));
        CredentialsAnswer set = read_credentials_document(http.response);
        done(set.state == State::ready ? set : answer(metadata, State::failed, set.error));
    });
}

void fetch(const MetadataPtr& metadata, const FetchDone& done) {
    metadata->get(credentials_path, [metadata, done](const HttpResult& http) {
        // Nobody there: this is no instance, or one whose metadata are switched off.
        if (http.failed) return done(answer(metadata, State::absent, http.failure.text));
        const int status = http.response.status;
        std::string role = status == 200 ? role_of(http.response.body) : std::string();
        if (!role.empty()) return fetch_set(metadata, role, done);
        if (status == 200 || status == 404) {
            return done(answer(metadata, State::absent, "the instance has no role"));
        }
        done(answer(metadata, State::failed, "its answer is " + std::to_string(status)));
    });
}

}  // namespace

ProviderPtr make_instance_provider(const EnvironmentSnapshot& env, const ProviderTools& tools) {
    if (lower_case(env.get("AWS_EC2_METADATA_DISABLED")) == "true") {
        return make_fixed_provider(
            instance_provider_name,
            {State::absent, nullptr, "AWS_EC2_METADATA_DISABLED is set"});
    }
    auto metadata = InstanceMetadata::create(env, *tools.clock, *tools.http);
    if (!metadata) {
        return make_fixed_provider(instance_provider_name,
                                   {State::failed, nullptr, metadata.error().text});
    }
    return make_refreshing_provider(
        {instance_provider_name, true}, tools,
        [metadata = std::move(*metadata)](const FetchDone& done) { fetch(metadata, done); });
}

}  // namespace momento::aws
