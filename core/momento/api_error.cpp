#include "momento/api_error.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/json.h"

namespace momento {
namespace {

constexpr size_t max_line = 512;
constexpr size_t max_body = 64u << 10;

// One line, cut between two characters.
std::string one_line(std::string_view text) {
    size_t length = std::min(text.size(), max_line);
    while (length < text.size() && length > 0 && (text[length] & 0xc0) == 0x80) --length;
    std::string line(text.substr(0, length));
    for (char& c : line) {
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
    }
    return std::string(trim(line));
}

}  // namespace

std::optional<ApiError> read_api_error(int status, std::string_view body) {
    body = trim(body);
    if (body.empty() || body.front() != '{' || body.size() > max_body) return std::nullopt;
    Result<Json> json = Json::parse(body);
    if (!json || json->get("status").as_integer() != status) return std::nullopt;
    auto title = json->get("title").as_string();
    if (!title) return std::nullopt;

    ApiError error;
    error.title = one_line(*title);
    auto text = json->get("description").as_string();
    if (!text) text = json->get("detail").as_string();
    if (text) error.text = one_line(*text);
    return error;
}

}  // namespace momento
