#include "aws/sts.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "aws/error_class.h"
#include "aws/service_error.h"
#include "aws/sigv4.h"
#include "aws/timestamp.h"
#include "aws/xml.h"
#include "base/ascii.h"
#include "base/enum_table.h"
#include "base/version.h"
#include "http/url.h"

namespace momento::aws {
namespace {

constexpr char api_version[] = "2011-06-15";
constexpr char content_type[] = "application/x-www-form-urlencoded";
constexpr int64_t shortest_session = 900;    // seconds
constexpr int64_t longest_session = 43'200;  // seconds
constexpr size_t max_external_id = 1'224;

constexpr auto operation_names = enum_table<StsOperation, const char*>({
    {StsOperation::assume_role, "AssumeRole"},
    {StsOperation::assume_role_with_web_identity, "AssumeRoleWithWebIdentity"},
});

bool is_word(std::string_view text, std::string_view marks, size_t least, size_t most) {
    return text.size() >= least && text.size() <= most &&
           std::all_of(text.begin(), text.end(), [&](char c) {
               return is_alphanumeric(c) || marks.find(c) != marks.npos;
           });
}

void append_field(std::string& form, const char* name, std::string_view value) {
    if (!form.empty()) form += '&';
    form.append(name).append("=");
    append_percent_encoded(form, value);
}

HttpRequest make_request(const Endpoint& sts, StsOperation operation, const Role& role) {
    HttpRequest request;
    request.url = sts.url.text();
    request.proxy = sts.proxy;
    request.trusted_certificate = sts.trusted_certificate;
    request.headers = {{"Content-Type", content_type},
                       {"User-Agent", std::string("momento-webhook/") + version}};
    append_field(request.body, "Action", operation_names[operation]);
    append_field(request.body, "Version", api_version);
    append_field(request.body, "RoleArn", role.arn);
    append_field(request.body, "RoleSessionName", role.session_name);
    if (role.duration_seconds > 0) {
        append_field(request.body, "DurationSeconds", std::to_string(role.duration_seconds));
    }
    return request;
}

StsAnswer refusal(const Role& role, std::string why) {
    StsAnswer answer;
    answer.answer.state = CredentialsAnswer::State::failed;
    answer.answer.error = "role \"" + role.arn + "\" cannot be assumed: " + std::move(why);
    return answer;
}

StsAnswer read_error(const Role& role, const HttpResponse& response) {
    ServiceError error = parse_service_error(response);
    ErrorClass meaning = classify_error(error.code, response.status);
    std::string why = "STS answers " + std::to_string(response.status);
    if (!error.code.empty()) why += ", " + error.code;
    bool refused_identity = meaning == ErrorClass::credentials || meaning == ErrorClass::clock;
    // What is said about a signature may quote what was signed, a session token included.
    if (!refused_identity && !error.message.empty()) why += ": " + error.message;
    StsAnswer answer = refusal(role, std::move(why));
    answer.refused_identity = refused_identity;
    return answer;
}

}  // namespace

Status check_role(const Role& role) {
    bool is_arn = role.arn.substr(0, 7) == "arn:aws" && role.arn.size() <= 2'048 &&
                  role.arn.find(":role/") != std::string::npos &&
                  std::all_of(role.arn.begin(), role.arn.end(),
                              [](char c) { return c > ' ' && c <= '~'; });
    if (!is_arn) {
        return Error{"\"" + role.arn +
                     "\" is not a role: write \"arn:aws:iam::ACCOUNT:role/NAME\""};
    }
    constexpr std::string_view name_marks = "_+=,.@-";
    if (!is_word(role.session_name, name_marks, 2, 64)) {
        return Error{"\"" + role.session_name +
                     "\" is not a role's session name: 2 to 64 letters, digits and \"" +
                     std::string(name_marks) + "\" are expected"};
    }
    if (!role.external_id.empty() &&
        !is_word(role.external_id, "_+=,.@:/-", 2, max_external_id)) {
        return Error{"the external id of role \"" + role.arn +
                     "\" is malformed: letters, digits and \"_+=,.@:/-\" are expected"};
    }
    if (role.duration_seconds != 0 &&
        (role.duration_seconds < shortest_session || role.duration_seconds > longest_session)) {
        return Error{"a role's session of " + std::to_string(role.duration_seconds) +
                     " s is not possible: 900 to 43200 are expected"};
    }
    return {};
}

HttpRequest assume_role_request(const Endpoint& sts, const Role& role,
                                const Credentials& source, int64_t now_ms) {
    HttpRequest request = make_request(sts, StsOperation::assume_role, role);
    if (!role.external_id.empty()) append_field(request.body, "ExternalId", role.external_id);

    std::string host = sts.url.authority();
    SignableRequest signable;
    signable.host = host;
    signable.path = sts.url.path;
    signable.headers = &request.headers;
    Sigv4Signer signer(sts.signing_region, sts.signing_name);
    signer.sign(CanonicalForm(signable), request.body, source, now_ms, request.headers);
    return request;
}

HttpRequest web_identity_request(const Endpoint& sts, const Role& role,
                                 std::string_view token) {
    HttpRequest request = make_request(sts, StsOperation::assume_role_with_web_identity, role);
    append_field(request.body, "WebIdentityToken", token);
    return request;
}

StsAnswer read_sts_answer(StsOperation operation, const Role& role, const HttpResult& http) {
    if (http.failed) return refusal(role, http.failure.text);
    if (http.response.status != 200) return read_error(role, http.response);

    Result<XmlLeaves> leaves = XmlLeaves::read(http.response.body);
    if (!leaves) return refusal(role, leaves.error().text);
    const std::string name = operation_names[operation];
    auto text = [&](const char* leaf) {
        return leaves->text(name + "Response/" + name + "Result/Credentials/" + leaf)
            .value_or(std::string());
    };
    auto credentials = std::make_shared<Credentials>();
    credentials->access_key_id = text("AccessKeyId");
    credentials->secret_access_key = text("SecretAccessKey");
    credentials->session_token = text("SessionToken");
    credentials->expires_ms = parse_timestamp(text("Expiration"));
    const bool had_blanks = drop_blanks(*credentials);
    bool is_whole = !credentials->access_key_id.empty() &&
                    !credentials->secret_access_key.empty() &&
                    !credentials->session_token.empty() && credentials->expires_ms;
    if (!is_whole) return refusal(role, "the answer of STS holds no whole set of credentials");

    StsAnswer answer;
    answer.answer = accept_credentials(std::move(credentials), had_blanks);
    if (answer.answer.state == CredentialsAnswer::State::failed) {
        return refusal(role, "of the answer of STS " + answer.answer.error);
    }
    return answer;
}

}  // namespace momento::aws
