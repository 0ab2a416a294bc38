#include "aws/instance_metadata.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/ascii.h"

namespace momento::aws {
namespace {

constexpr char ipv4_origin[] = "http://169.254.169.254";
constexpr char ipv6_origin[] = "http://[fd00:ec2::254]";
constexpr char token_path[] = "/latest/api/token";
constexpr char token_lifetime_header[] = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds";
constexpr char token_header[] = "X-Aws-Ec2-Metadata-Token";
constexpr int64_t token_lifetime_s = 21'600;
constexpr int64_t token_margin_s = 5;          // as aws-c-auth
constexpr int64_t version_1_lifetime_s = 300;  // before a token is asked for again
constexpr size_t max_session_token = 4'096;    // bytes

Result<int> read_number(const EnvironmentSnapshot& env, const char* variable, int most) {
    const std::string& text = env.get(variable);
    if (text.empty()) return 1;
    int number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size() && number >= 1 &&
        number <= most) {
        return number;
    }
    return Error{env.source(variable) + " \"" + text + "\" is not a number from 1 to " +
                 std::to_string(most)};
}

Result<std::string> read_origin(const EnvironmentSnapshot& env) {
    constexpr char endpoint_variable[] = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    constexpr char mode_variable[] = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
    if (const std::string& endpoint = env.get(endpoint_variable); !endpoint.empty()) {
        Result<Url> url = parse_url(endpoint);
        if (!url) return Error{env.source(endpoint_variable) + ": " + url.error().text};
        if (url->path != "/" || !url->query.empty()) {
            return Error{env.source(endpoint_variable) + " \"" + endpoint +
                         "\": remove what stands behind the host"};
        }
        return url->origin();
    }
    std::string mode = lower_case(env.get(mode_variable));
    if (mode.empty() && lower_case(env.get("AWS_IMDS_USE_IPV6")) == "true") mode = "ipv6";
    if (mode.empty() || mode == "ipv4") return std::string(ipv4_origin);
    if (mode == "ipv6") return std::string(ipv6_origin);
    return Error{env.source(mode_variable) + " \"" + env.get(mode_variable) +
                 "\" is neither \"IPv4\" nor \"IPv6\""};
}

bool is_token(std::string_view text) {
    return !text.empty() && text.size() <= max_session_token &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

HttpResult refusal(std::string text) {
    HttpResult result;
    result.failed = true;
    result.failure.text = std::move(text);
    return result;
}

}  // namespace

struct InstanceMetadata::Question {
    std::string path;
    HttpClient::Done done;
    bool asked_again = false;  // with a second token
};

Result<std::shared_ptr<InstanceMetadata>> InstanceMetadata::create(
    const EnvironmentSnapshot& env, const Clock& clock, HttpClient& http) {
    Result<std::string> origin = read_origin(env);
    if (!origin) return origin.error();
    Result<int> timeout_s = read_number(env, "AWS_METADATA_SERVICE_TIMEOUT", 60);
    if (!timeout_s) return timeout_s.error();
    Result<int> attempts = read_number(env, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", 10);
    if (!attempts) return attempts.error();

    auto metadata = std::make_shared<InstanceMetadata>(Key(), clock, http);
    metadata->origin_ = std::move(*origin);
    metadata->timeout_ms_ = int64_t{*timeout_s} * 1'000;
    metadata->attempts_ = *attempts;
    metadata->allows_version_1_ =
        lower_case(env.get("AWS_EC2_METADATA_V1_DISABLED")) == "false";
    return metadata;
}

void InstanceMetadata::get(const std::string& path, HttpClient::Done done) {
    auto question = std::make_shared<Question>();
    question->path = path;
    question->done = std::move(done);
    if (clock_.steady_us() < token_ends_us_) {
        ask(question);
    } else {
        fetch_token(question);
    }
}

void InstanceMetadata::fetch_token(const QuestionPtr& question) {
    HttpRequest request;
    request.method = "PUT";
    request.url = origin_ + token_path;
    request.headers = {{token_lifetime_header, std::to_string(token_lifetime_s)}};
    send(std::move(request), attempts_,
         [self = shared_from_this(), question](const HttpResult& http) {
             self->take_token(question, http);
         });
}

void InstanceMetadata::take_token(const QuestionPtr& question, const HttpResult& http) {
    const int status = http.response.status;
    int64_t lifetime_s = token_lifetime_s - token_margin_s;
    if (!http.failed && status == 200) {
        std::string_view token = trim(http.response.body);
        if (!is_token(token)) return question->done(refusal("its session token is malformed"));
        token_ = token;
    } else {
        bool knows_no_tokens = http.failed || status == 403 || status == 404 || status == 405;
        if (!knows_no_tokens || !allows_version_1_) {
            return question->done(refusal(
                http.failed
                    ? http.failure.text +
                          " (a container needs a hop limit of 2 to reach instance metadata)"
                    : "it gives no session token, its answer is " + std::to_string(status)));
        }
        token_.clear();
        lifetime_s = version_1_lifetime_s;
    }
    token_ends_us_ = clock_.steady_us() + lifetime_s * 1'000'000;
    ask(question);
}

void InstanceMetadata::ask(const QuestionPtr& question) {
    HttpRequest request;
    request.method = "GET";
    request.url = origin_ + question->path;
    if (!token_.empty()) request.headers = {{token_header, token_}};
    send(std::move(request), attempts_, [self = shared_from_this(), question](HttpResult http) {
        self->take_answer(question, std::move(http));
    });
}

void InstanceMetadata::take_answer(const QuestionPtr& question, HttpResult http) {
    bool token_expired = !http.failed && http.response.status == 401;
    if (token_expired) token_ends_us_ = 0;
    if (token_expired && !question->asked_again) {
        question->asked_again = true;
        return fetch_token(question);
    }
    question->done(std::move(http));
}

void InstanceMetadata::send(HttpRequest request, int attempts, HttpClient::Done done) {
    request.connect_timeout_ms = timeout_ms_;
    request.total_timeout_ms = timeout_ms_;
    HttpRequest copy = request;
    http_.start(std::move(copy), [self = shared_from_this(), request = std::move(request),
                                  attempts, done = std::move(done)](HttpResult http) {
        bool cancelled = http.failed && http.failure.stage == HttpFailure::Stage::cancelled;
        bool may_pass = http.failed || http.response.status >= 500;
        if (may_pass && !cancelled && attempts > 1) {
            return self->send(request, attempts - 1, done);
        }
        done(std::move(http));
    });
}

}  // namespace momento::aws
