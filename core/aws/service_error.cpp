#include "aws/service_error.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/json.h"

namespace momento::aws {
namespace {

constexpr size_t max_message = 1'024;
constexpr size_t max_code = 128;

// The Code of "[namespace#]Code[:uri]"; empty if it is no code.
std::string bare_code(std::string_view text) {
    size_t hash = text.find('#');
    if (hash != text.npos) text.remove_prefix(hash + 1);
    text = trim(text.substr(0, text.find(':')));
    bool fits = text.size() <= max_code && std::all_of(text.begin(), text.end(), [](char c) {
                    return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
                });
    return fits ? std::string(text) : std::string();
}

// One line, cut between two characters.
std::string one_line(std::string_view text) {
    size_t length = std::min(text.size(), max_message);
    while (length < text.size() && length > 0 && (text[length] & 0xc0) == 0x80) --length;
    std::string line(text.substr(0, length));
    for (char& c : line) {
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
    }
    return line;
}

std::string unescape_xml(std::string_view text) {
    static constexpr std::pair<std::string_view, char> entities[] = {
        {"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''},
    };
    std::string plain;
    while (!text.empty()) {
        auto entity = std::find_if(
            std::begin(entities), std::end(entities),
            [&](const auto& e) { return text.substr(0, e.first.size()) == e.first; });
        bool found = entity != std::end(entities);
        plain += found ? entity->second : text.front();
        text.remove_prefix(found ? entity->first.size() : 1);
    }
    return plain;
}

// The text of the first element of that name, without attributes or children: all that
// AWS's error documents need.
std::string xml_text(std::string_view document, const std::string& element) {
    static constexpr std::string_view cdata = "<![CDATA[";
    std::string open = "<" + element + ">";
    size_t begin = document.find(open);
    if (begin == document.npos) return {};
    begin += open.size();
    size_t end = document.find("</" + element + ">", begin);
    if (end == document.npos) return {};
    std::string_view text = trim(document.substr(begin, end - begin));
    if (text.substr(0, cdata.size()) != cdata) return unescape_xml(text);
    text.remove_prefix(cdata.size());
    return std::string(text.substr(0, text.find("]]>")));
}

std::string header(const HttpResponse& response, std::string_view name) {
    const std::string* value = response.header(name);
    return value ? *value : std::string();
}

// The first of these members that is a string.
std::string member(const Json& json, std::initializer_list<const char*> names) {
    for (const char* name : names) {
        if (auto text = json.get(name).as_string()) return std::string(*text);
    }
    return {};
}

}  // namespace

ServiceError parse_service_error(const HttpResponse& response) {
    ServiceError error;
    std::string_view body = trim(response.body);
    if (!body.empty() && body.front() == '{') {
        if (auto json = Json::parse(body)) {
            error.code = bare_code(member(*json, {"__type", "code", "Code"}));
            error.message = one_line(member(*json, {"message", "Message"}));
        }
    } else if (!body.empty() && body.front() == '<') {
        error.code = bare_code(xml_text(body, "Code"));
        error.message = one_line(xml_text(body, "Message"));
        error.request_id = one_line(xml_text(body, "RequestId"));
        if (error.request_id.empty()) error.request_id = one_line(xml_text(body, "RequestID"));
    }
    if (error.code.empty()) error.code = bare_code(header(response, "x-amzn-errortype"));

    // "Code;Sender" or "Code;Receiver".
    std::string query_error = header(response, "x-amzn-query-error");
    error.query_code =
        bare_code(std::string_view(query_error).substr(0, query_error.find(';')));

    for (const char* name : {"x-amzn-requestid", "x-amz-request-id"}) {
        if (error.request_id.empty()) error.request_id = one_line(header(response, name));
    }
    return error;
}

std::string permission_sentence(const ServiceError& error) {
    const bool is_one =
        error.message.compare(0, 6, "User: ") == 0 &&
        error.message.find(" is not authorized to perform: ") != std::string::npos;
    return is_one ? error.message : std::string();
}

bool is_foreign(const HttpResponse& response) {
    const int status = response.status;
    if (status >= 500 || status == 408 || status == 413 || status == 429) return false;
    for (const char* name : {"x-amzn-requestid", "x-amz-request-id", "x-amzn-errortype"}) {
        if (response.header(name)) return false;
    }
    const std::string_view body = trim(response.body);
    if (!body.empty() && body.front() == '{') return false;
    return parse_service_error(response).code.empty();
}

std::string foreign_advice(const HttpResponse& response) {
    std::string text = "the answer " + std::to_string(response.status);
    if (const std::string* type = response.header("content-type")) {
        const std::string name = one_line(std::string_view(*type).substr(0, type->find(';')));
        if (name.size() <= 64) text += " (" + name + ")";
    }
    text += " is not AWS's: look at endpoint and proxy";
    const bool names_https = response.body.find("HTTPS port") != std::string::npos;
    if (names_https) text += "; is it https?";
    return text;
}

}  // namespace momento::aws
