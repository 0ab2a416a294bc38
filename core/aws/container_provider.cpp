// Credentials of a container's role: ECS, EKS Pod Identity, Greengrass.
// Source: "Container credential provider", AWS SDKs and Tools Reference Guide.
#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "aws/credentials_document.h"
#include "aws/providers.h"
#include "aws/refreshing_provider.h"
#include "base/ascii.h"
#include "base/read_file.h"
#include "http/url.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

constexpr char container_provider_name[] = "container";
constexpr char ecs_origin[] = "http://169.254.170.2";
constexpr int64_t timeout_ms = 2'000;
constexpr size_t max_token_file = 65'536;  // bytes

// Whom plain http may be spoken to besides loopback: ECS, and EKS in both families.
constexpr const char* trusted_hosts[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
                                         "localhost"};

// A token must not travel in the clear to any host a variable may name.
bool is_allowed(const Url& url) {
    if (url.scheme == "https") return true;
    if (std::find(std::begin(trusted_hosts), std::end(trusted_hosts), url.host) !=
        std::end(trusted_hosts)) {
        return true;
    }
    in_addr v4;
    if (inet_pton(AF_INET, url.host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
    return url.host == "[::1]";
}

struct Container {
    Url url;
    std::string token;       // Authorization; empty: none
    std::string token_file;  // empty: none. Goes first, and is read for every set
};

Result<Container> read_settings(const EnvironmentSnapshot& env) {
    constexpr char relative_variable[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    constexpr char full_variable[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    const std::string& relative = env.get(relative_variable);
    if (!relative.empty() && relative.front() != '/') {
        return Error{std::string(relative_variable) + " \"" + relative +
                     "\" does not begin with \"/\""};
    }
    const char* variable = relative.empty() ? full_variable : relative_variable;
    Result<Url> url =
        parse_url(relative.empty() ? env.get(full_variable) : ecs_origin + relative);
    if (!url) return Error{std::string(variable) + ": " + url.error().text};
    if (!is_allowed(*url)) {
        return Error{std::string(variable) + ": plain http to \"" + url->host +
                     "\" is not allowed: use https, or an address of loopback, ECS or EKS"};
    }
    return Container{std::move(*url), env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
                     env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")};
}

Result<std::string> read_token(const Container& container) {
    std::string token(trim(container.token));
    if (!container.token_file.empty()) {
        Result<std::string> content = read_file(container.token_file, max_token_file);
        if (!content)
            return Error{"the container's authorization token: " + content.error().text};
        token = trim(*content);
    }
    if (token.find_first_of("\r\n") != token.npos) {
        return Error{"the container's authorization token has more than one line"};
    }
    return token;
}

void send(const Container& container, const std::string& token, HttpClient& http,
          const FetchDone& done) {
    HttpRequest request;
    request.method = "GET";
    request.url = container.url.text();
    request.headers = {{"Accept", "application/json"}};
    if (!token.empty()) request.headers.emplace_back("Authorization", token);
    request.connect_timeout_ms = timeout_ms;
    request.total_timeout_ms = timeout_ms;
    http.start(
        std::move(request), [origin = container.url.origin(), done](const HttpResult& got) {
            CredentialsAnswer answer =
                got.failed ? CredentialsAnswer{State::failed, nullptr, got.failure.text}
                           : read_credentials_document(got.response);
            if (answer.state == State::failed) {
                answer.error = "container credentials of \"" + origin + "\": " + answer.error;
            }
            done(std::move(answer));
        });
}

void fetch(const Container& container, const ProviderTools& tools, const FetchDone& done) {
    const auto use = [container, http = tools.http, done](const Result<std::string>& token) {
        if (!token) return done({State::failed, nullptr, token.error().text});
        send(container, *token, *http, done);
    };
    if (container.token_file.empty()) return use(read_token(container));
    run_elsewhere<Result<std::string>>(
        tools.errands, token_errand(tools.user, container.token_file),
        [container] { return read_token(container); }, use);
}

}  // namespace

ProviderPtr make_container_provider(const EnvironmentSnapshot& env,
                                    const ProviderTools& tools) {
    if (env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").empty() &&
        env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI").empty()) {
        return make_fixed_provider(container_provider_name, {});
    }
    Result<Container> container = read_settings(env);
    if (!container) {
        return make_fixed_provider(container_provider_name,
                                   {State::failed, nullptr, container.error().text});
    }
    return make_refreshing_provider(
        {container_provider_name}, tools,
        [container = std::move(*container), tools](const FetchDone& done) {
            fetch(container, tools, done);
        });
}

}  // namespace momento::aws
