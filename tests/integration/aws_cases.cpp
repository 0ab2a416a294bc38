// What the environment and the shared files come to: one JSON object a line on stdin, one a
// line on stdout. test_aws_conventions.py compares them with botocore's.
//   {"parse": TEXT, "kind": "config" | "credentials"}: the profiles, their settings, and how
//   many problems there are.
//   {"service", "region", "environment": {…}}: "url", "region" to sign for, "proxy",
//   "trusted_certificate"; or "error".
#include <iostream>
#include <string>

#include "aws/configuration.h"
#include "aws/endpoints.h"
#include "aws/profile_file.h"
#include "base/json.h"

using momento::Json;
using namespace momento::aws;

namespace {

std::string text(const Json& json, const char* name) {
    return std::string(json.get(name).as_string().value_or(""));
}

Json parse(const Json& given) {
    const bool is_config = text(given, "kind") == "config";
    const ProfileFile file =
        parse_profile_file(text(given, "parse"),
                           is_config ? ProfileFileKind::config : ProfileFileKind::credentials);
    Json profiles = Json::object();
    for (const auto& [name, profile] : file.profiles) {
        Json settings = Json::object();
        for (const auto& [setting, value] : profile.settings) {
            settings.set(setting.c_str(), Json::string(value.value));
        }
        profiles.set(name.c_str(), settings);
    }
    return Json::object()
        .set("profiles", profiles)
        .set("problems", Json::integer(static_cast<int64_t>(file.problems.size())));
}

Service service_of(const std::string& name) {
    if (name == "events") return Service::eventbridge;
    if (name == "sqs") return Service::sqs;
    return name == "sts" ? Service::sts : Service::secrets_manager;
}

Json resolve(const Json& given) {
    const Json variables = given.get("environment");
    const auto env = EnvironmentSnapshot::take([&](const std::string& name) -> const char* {
        const auto value = variables.get(name.c_str()).as_string();
        return value ? value->data() : nullptr;
    });
    const auto configuration = read_configuration(env, {});
    if (!configuration) {
        return Json::object().set("error", Json::string(configuration.error().text));
    }
    const auto endpoint = resolve_endpoint(service_of(text(given, "service")),
                                           text(given, "region"), configuration->environment);
    if (!endpoint) return Json::object().set("error", Json::string(endpoint.error().text));
    return Json::object()
        .set("url", Json::string(endpoint->url.origin()))
        .set("region", Json::string(endpoint->signing_region))
        .set("proxy", Json::string(endpoint->proxy))
        .set("trusted_certificate", Json::string(endpoint->trusted_certificate));
}

}  // namespace

int main() {
    std::string line;
    while (std::getline(std::cin, line)) {
        const auto json = Json::parse(line);
        if (!json) {
            std::cerr << json.error().text << '\n';
            return 2;
        }
        const Json answer = json->get("parse") ? parse(*json) : resolve(*json);
        std::cout << answer.dump() << '\n';
    }
}
