// An HTTP response as a connection may bring it: in pieces, then the connection's end.
#pragma once

#include <string_view>

#include "http/response_parser.h"

namespace momento {

struct ParsedResponse {
    ResponseParser::State state = ResponseParser::State::incomplete;
    bool keeps_connection = false;
    HttpResponse response;
};

// In pieces of that many bytes. The connection ends if the response is not complete then.
inline ParsedResponse parse_in_pieces(std::string_view bytes, size_t piece) {
    using State = ResponseParser::State;
    ParsedResponse parsed;
    ResponseParser parser(parsed.response);
    while (parsed.state == State::incomplete && !bytes.empty()) {
        const std::string_view next = bytes.substr(0, piece);
        parsed.state = parser.read(next);
        bytes.remove_prefix(next.size());
    }
    if (parsed.state == State::incomplete) parsed.state = parser.end();
    parsed.keeps_connection =
        parsed.state == State::complete && bytes.empty() && parser.may_keep_connection();
    return parsed;
}

}  // namespace momento
