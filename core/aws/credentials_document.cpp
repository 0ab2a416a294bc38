#include "aws/credentials_document.h"

#include <utility>

#include "aws/service_error.h"
#include "aws/timestamp.h"
#include "base/json.h"

namespace momento::aws {
namespace {

CredentialsAnswer failed_answer(std::string why) {
    return {CredentialsAnswer::State::failed, nullptr, std::move(why)};
}

std::string explain(const ServiceError& error) {
    return error.message.empty() ? error.code : error.code + ": " + error.message;
}

}  // namespace

CredentialsAnswer read_credentials_document(const HttpResponse& response) {
    if (response.status != 200) {
        std::string why = explain(parse_service_error(response));
        return failed_answer("it answers " + std::to_string(response.status) +
                             (why.empty() ? "" : ", ") + why);
    }
    Result<Json> json = Json::parse(response.body);
    if (!json || !json->is_object()) return failed_answer("its answer is not a JSON object");
    Json code = json->get("Code");
    if (code && code.as_string() != "Success") {
        return failed_answer("it has no credentials: " +
                             explain(parse_service_error(response)));
    }

    auto text = [&](const char* member) {
        return std::string(json->get(member).as_string().value_or(std::string_view()));
    };
    auto credentials = std::make_shared<Credentials>();
    credentials->access_key_id = text("AccessKeyId");
    credentials->secret_access_key = text("SecretAccessKey");
    credentials->session_token = text("Token");
    const bool had_blanks = drop_blanks(*credentials);
    if (credentials->access_key_id.empty() || credentials->secret_access_key.empty()) {
        return failed_answer("its answer holds no whole set of credentials");
    }
    std::string expiration = text("Expiration");
    if (!expiration.empty()) {
        credentials->expires_ms = parse_timestamp(expiration);
        if (!credentials->expires_ms)
            return failed_answer("its answer's \"Expiration\" is no time");
    }
    return accept_credentials(std::move(credentials), had_blanks);
}

}  // namespace momento::aws
