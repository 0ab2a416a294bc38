// Signs what it reads: one JSON object a line on stdin, {"region", "service", "method",
// "host", "path", "query", "headers": [[name, value]], "body", "access_key_id",
// "secret_access_key", "session_token", "now_ms"}; one JSON array of the headers to add a
// line on stdout. test_sigv4.py compares them with botocore's.
#include <iostream>
#include <string>

#include "aws/sigv4.h"
#include "base/json.h"

using momento::Json;
using namespace momento::aws;

int main() {
    std::string line;
    while (std::getline(std::cin, line)) {
        auto json = Json::parse(line);
        if (!json) {
            std::cerr << json.error().text << '\n';
            return 2;
        }
        auto text = [&](const char* name) {
            return std::string(json->get(name).as_string().value_or(""));
        };

        Headers headers;
        Json given = json->get("headers");
        for (size_t i = 0; i < given.size(); ++i) {
            headers.emplace_back(given.at(i).at(0).as_string().value_or(""),
                                 given.at(i).at(1).as_string().value_or(""));
        }
        std::string method = text("method"), host = text("host"), path = text("path"),
                    query = text("query"), body = text("body");
        Credentials credentials;
        credentials.access_key_id = text("access_key_id");
        credentials.secret_access_key = text("secret_access_key");
        credentials.session_token = text("session_token");

        Sigv4Signer signer(text("region"), text("service"));
        Headers signature;
        signer.sign(CanonicalForm({method, host, path, query, &headers}), body, credentials,
                    json->get("now_ms").as_integer().value_or(0), signature);
        Json added = Json::array();
        for (const auto& [name, value] : signature) {
            added.append(Json::array().append(Json::string(name)).append(Json::string(value)));
        }
        std::cout << added.dump() << '\n';
    }
}
