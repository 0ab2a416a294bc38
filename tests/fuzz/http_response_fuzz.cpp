// Any bytes as an HTTP/1.1 response: however they arrive in pieces, the answer is the same,
// and within its bounds.
#include <cstdint>
#include <cstdlib>

#include "../unit/http_pieces.h"
#include "http/request_head.h"

using namespace momento;
using State = ResponseParser::State;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

void check(const HttpResponse& response) {
    require(response.status >= 200 && response.status <= 999);
    require(response.body.size() <= max_response_bytes);
    for (const auto& [name, value] : response.headers) {
        require((name.empty() || is_token(name)) && is_value(value));
        for (char c : name) require(c < 'A' || c > 'Z');
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
    if (size < 1) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    const ParsedResponse whole = parse_in_pieces(bytes, bytes.size());
    const ParsedResponse pieces = parse_in_pieces(bytes, 1 + data[0] % 32u);
    require(whole.state == pieces.state && whole.keeps_connection == pieces.keeps_connection);
    if (whole.state != State::complete) return 0;
    check(whole.response);
    require(whole.response.status == pieces.response.status &&
            whole.response.headers == pieces.response.headers &&
            whole.response.body == pieces.response.body);
    return 0;
}
