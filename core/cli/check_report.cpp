#include "cli/check_report.h"

#include <ostream>

#include "aws/error_class.h"
#include "aws/server_clock.h"
#include "aws/service_error.h"
#include "base/json.h"
#include "cli/console.h"

namespace momento::cli {

namespace {

using aws::ErrorClass;

// "UnrecognizedClientException: The security token included in the request is invalid."
std::string sentence(const aws::ServiceError& error, int status) {
    std::string text = "status " + std::to_string(status);
    if (!error.code.empty()) text += ", " + error.code;
    if (!error.message.empty()) text += ": " + error.message;
    return text;
}

std::string key_advice(const aws::ServiceError& error) {
    if (error.code.find("Expired") != std::string::npos) {
        return "the session token has expired";
    }
    if (error.code.find("Signature") != std::string::npos) {
        return "the secret key is not that of this access key";
    }
    return "AWS does not know this access key, or not with this session token";
}

}  // namespace

bool CheckReport::print(bool good, const char* what, const std::string& text) {
    all_good_ = all_good_ && good;
    if (as_json_) {
        out_ << Json::object()
                    .set("check", Json::string(what))
                    .set("ok", Json::boolean(good))
                    .set("text", Json::string(text))
                    .dump()
             << '\n';
        return good;
    }
    std::string label = what;
    label.resize(13, ' ');
    out_ << (good ? "ok    " : "fail  ") << label << printable(text) << '\n';
    return good;
}

Refusal explain(const aws::ServiceReply& reply, const char* where, const std::string& what) {
    if (reply.unsent) return {"credentials", reply.no_credentials};
    if (reply.http.failed) return {"endpoint", reply.http.failure.text};
    const HttpResponse& response = reply.http.response;
    const aws::ServiceError error = aws::parse_service_error(response);
    const bool is_success = response.status >= 200 && response.status < 300;
    if (is_success || error.code.empty() || aws::is_foreign(response)) {
        return {"endpoint", aws::foreign_advice(response)};
    }
    const std::string said = sentence(error, response.status);
    if (aws::read_clock_complaint(error)) return {"clock", "set it: " + said};
    switch (aws::classify_error(error.code, response.status)) {
        case ErrorClass::credentials:
        case ErrorClass::clock:
            return {"key", key_advice(error) + ": " + said};
        case ErrorClass::setup:
            if (error.code.find("Signature") != std::string::npos) {
                return {"key", key_advice(error) + ": " + said};
            }
            if (error.code.find("AuthenticationToken") != std::string::npos) {
                return {"endpoint", "the signature did not arrive: look at proxy: " + said};
            }
            break;
        default:
            break;
    }
    return {where, what + ": " + said};
}

bool is_description(const HttpResponse& response) {
    if (response.status != 200 || aws::is_foreign(response)) return false;
    const Result<Json> json = Json::parse(response.body);
    if (!json) return false;
    const auto name = json->get("Name").as_string();
    const auto arn = json->get("Arn").as_string();
    return (name && !name->empty()) || (arn && arn->substr(0, 4) == "arn:");
}

}  // namespace momento::cli
