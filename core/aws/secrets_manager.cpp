#include "aws/secrets_manager.h"

#include <openssl/evp.h>

#include <cmath>
#include <optional>
#include <utility>

#include "aws/error_class.h"
#include "aws/service_error.h"
#include "base/cleanse.h"
#include "base/enum_table.h"
#include "base/json.h"

namespace momento::aws {
namespace {

constexpr char target[] = "secretsmanager.GetSecretValue";

constexpr auto labels = enum_table<SecretStage, const char*>({
    {SecretStage::current, "AWSCURRENT"},
    {SecretStage::previous, "AWSPREVIOUS"},
});

std::optional<std::string> decode_base64(std::string_view text) {
    if (text.size() % 4 != 0) return {};
    std::string bytes(text.size() / 4 * 3, '\0');
    int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                               reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()));
    if (size < 0) return {};
    size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') {
        ++padding;
    }
    bytes.resize(static_cast<size_t>(size) - padding);
    return bytes;
}

SecretVersion failure(const std::string& secret, const std::string& why) {
    SecretVersion version;
    version.error = "secret \"" + secret + "\" cannot be fetched: " + why;
    return version;
}

SecretVersion read_refusal(const std::string& secret, SecretStage stage,
                           const HttpResponse& response) {
    ServiceError error = parse_service_error(response);
    if (error.is("ResourceNotFoundException")) {
        SecretVersion version = failure(
            secret, std::string("there is none, or it has no ") + labels[stage] + " version");
        version.state = SecretVersion::State::missing;
        return version;
    }
    std::string why = "Secrets Manager answers " + std::to_string(response.status);
    if (!error.code.empty()) why += ", " + error.code;
    // What is said about a signature may quote what was signed, a session token included.
    ErrorClass meaning = classify_error(error.code, response.status);
    bool quotable = meaning != ErrorClass::credentials && meaning != ErrorClass::clock;
    if (quotable && !error.message.empty()) why += ": " + error.message;
    return failure(secret, why);
}

}  // namespace

SecretVersion::~SecretVersion() {
    cleanse(content);
}

SecretVersion read_secret_version(const std::string& secret, SecretStage stage,
                                  const ServiceReply& reply) {
    if (reply.unsent) return failure(secret, "no credentials: " + reply.no_credentials);
    if (reply.http.failed) return failure(secret, reply.http.failure.text);
    if (is_foreign(reply.http.response)) {
        return failure(secret, foreign_advice(reply.http.response));
    }
    if (reply.http.response.status != 200) {
        return read_refusal(secret, stage, reply.http.response);
    }
    Result<Json> json = Json::parse(reply.http.response.body);
    auto id = json ? json->get("VersionId").as_string() : std::nullopt;
    if (!id || id->empty()) return failure(secret, "the answer names no version");

    std::optional<std::string> content;
    if (auto text = json->get("SecretString").as_string()) {
        content = std::string(*text);
    } else if (auto binary = json->get("SecretBinary").as_string()) {
        content = decode_base64(*binary);
    }
    if (!content) return failure(secret, "the answer holds no value");

    SecretVersion version;
    version.state = SecretVersion::State::found;
    version.content = std::move(*content);
    version.id = *id;
    double created_s = json->get("CreatedDate").as_real().value_or(0);
    if (created_s > 0 && created_s < 1e11) version.created_ms = std::llround(created_s * 1e3);
    return version;
}

void get_secret_value(ServiceClient& client, const std::string& secret, SecretStage stage,
                      std::function<void(SecretVersion)> done) {
    Json request = Json::object();
    request.set("SecretId", Json::string(secret));
    request.set("VersionStage", Json::string(labels[stage]));
    client.call(target, request.dump(),
                [secret, stage, done = std::move(done)](const ServiceReply& reply) {
                    done(read_secret_version(secret, stage, reply));
                });
}

}  // namespace momento::aws
