#include "http/response_parser.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "http/request_head.h"

namespace momento {
namespace {

bool parse_number(std::string_view digits, int base, uint64_t& number) {
    const char* end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, number, base);
    return parsed.ec == std::errc() && parsed.ptr == end;
}

// Whether a list of tokens has this one: "Connection: keep-alive, close".
bool lists(std::string_view value, std::string_view token) {
    while (!value.empty()) {
        const std::string_view item = value.substr(0, value.find(','));
        if (equals_ignoring_case(trim(item), token)) return true;
        value.remove_prefix(std::min(item.size() + 1, value.size()));
    }
    return false;
}

}  // namespace

ResponseParser::State ResponseParser::read(std::string_view bytes) {
    has_begun_ = has_begun_ || !bytes.empty();
    State state = State::incomplete;
    while (state == State::incomplete && !bytes.empty()) {
        const bool is_in_body = part_ == Part::body || part_ == Part::chunk;
        state = is_in_body ? take_body(bytes) : read_lines(bytes);
    }
    if (!bytes.empty()) keeps_connection_ = false;
    return state;
}

ResponseParser::State ResponseParser::end() {
    const bool ends_with_connection = part_ == Part::body && !has_length_;
    return ends_with_connection ? finish() : State::malformed;
}

// As far as the lines reach. A single LF may end one (RFC 9112, 2.2).
ResponseParser::State ResponseParser::read_lines(std::string_view& bytes) {
    State state = State::incomplete;
    while (state == State::incomplete && part_ != Part::body && part_ != Part::chunk) {
        const size_t end = bytes.find('\n');
        const size_t size = end == bytes.npos ? bytes.size() : end + 1;
        head_size_ += size;
        if (head_size_ > max_head_bytes) return State::too_long;
        if (end == bytes.npos) {
            line_.append(bytes);
            bytes = {};
            return State::incomplete;
        }
        std::string_view line = bytes.substr(0, end);
        bytes.remove_prefix(size);
        if (!line_.empty()) line = line_.append(line);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        state = take_line(line);
        line_.clear();
        if (bytes.empty()) break;
    }
    return state;
}

ResponseParser::State ResponseParser::take_line(std::string_view line) {
    switch (part_) {
        case Part::status:
            return take_status(line);
        case Part::headers:
            return line.empty() ? end_headers() : take_header(line);
        case Part::chunk_size:
            return take_chunk_size(line);
        case Part::chunk_end:
            part_ = Part::chunk_size;
            return line.empty() ? State::incomplete : State::malformed;
        case Part::trailers:
            return line.empty() ? finish() : State::incomplete;
        case Part::body:
        case Part::chunk:
        case Part::done:
            break;
    }
    return State::malformed;
}

// "HTTP/1.1 200 OK"; the text may be missing, and so may the blank before it.
ResponseParser::State ResponseParser::take_status(std::string_view line) {
    constexpr std::string_view protocol = "HTTP/1.";
    constexpr size_t version_size = protocol.size() + 1;
    constexpr size_t code_at = version_size + 1;
    const bool is_status = line.size() >= code_at + 3 &&
                           line.substr(0, protocol.size()) == protocol &&
                           is_digit(line[protocol.size()]) && line[version_size] == ' ' &&
                           (line.size() == code_at + 3 || line[code_at + 3] == ' ');
    uint64_t code = 0;
    if (!is_status || !parse_number(line.substr(code_at, 3), 10, code) || code < 100) {
        return State::malformed;
    }
    response_.status = static_cast<int>(code);
    // Without a word to the contrary HTTP/1.0 ends the connection; it is not asked to keep it.
    keeps_connection_ = line[protocol.size()] != '0';
    part_ = Part::headers;
    return State::incomplete;
}

ResponseParser::State ResponseParser::take_header(std::string_view line) {
    auto& headers = response_.headers;
    if (line.front() == ' ' || line.front() == '\t') {  // RFC 9112, 5.2: the last one goes on
        if (headers.empty()) return State::malformed;
        std::string& value = headers.back().second;
        if (!value.empty()) value += ' ';
        value += trim(line);
        return is_value(value) ? State::incomplete : State::malformed;
    }
    const size_t colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon))) return State::malformed;
    const std::string_view value = trim(line.substr(colon + 1));
    if (!is_value(value)) return State::malformed;
    headers.emplace_back(lower_case(line.substr(0, colon)), value);
    return State::incomplete;
}

// RFC 9112, 6.3: how long the body is.
ResponseParser::State ResponseParser::end_headers() {
    const int status = response_.status;
    if (status == 101) return State::malformed;  // nobody asked for another protocol
    if (status < 200) {
        response_.headers.clear();
        part_ = Part::status;
        return State::incomplete;
    }
    for (const auto& [name, value] : response_.headers) {
        if (name == "transfer-encoding") {
            // What is compressed as well could not be read.
            if (is_chunked_ || !equals_ignoring_case(value, "chunked")) return State::malformed;
            is_chunked_ = true;
        } else if (name == "content-length") {
            uint64_t length = 0;
            if (!parse_number(value, 10, length) || (has_length_ && length != length_)) {
                return State::malformed;
            }
            has_length_ = true;
            length_ = length;
        } else if (name == "connection" && lists(value, "close")) {
            keeps_connection_ = false;
        }
    }
    if (status == 204 || status == 304) return finish();
    if (is_chunked_) {
        if (has_length_) keeps_connection_ = false;  // somebody tries something
        has_length_ = false;
        part_ = Part::chunk_size;
        return State::incomplete;
    }
    if (has_length_ && length_ > max_response_bytes) return State::too_long;
    if (has_length_ && length_ == 0) return finish();
    if (has_length_) response_.body.reserve(length_);
    part_ = Part::body;
    return State::incomplete;
}

// "1a;name=value": what follows the size is ignored.
ResponseParser::State ResponseParser::take_chunk_size(std::string_view line) {
    const std::string_view digits = trim(line.substr(0, line.find(';')));
    if (!parse_number(digits, 16, length_)) return State::malformed;
    if (length_ > max_response_bytes) return State::too_long;
    head_size_ = 0;  // of many chunks each line is bounded alone
    part_ = length_ == 0 ? Part::trailers : Part::chunk;
    return State::incomplete;
}

ResponseParser::State ResponseParser::take_body(std::string_view& bytes) {
    const bool is_bounded = has_length_ || part_ == Part::chunk;
    std::string_view piece = bytes;
    if (is_bounded && piece.size() > length_) piece = piece.substr(0, length_);
    if (piece.size() > max_response_bytes - response_.body.size()) return State::too_long;
    response_.body.append(piece);
    bytes.remove_prefix(piece.size());
    if (!is_bounded || (length_ -= piece.size()) > 0) return State::incomplete;
    if (part_ == Part::body) return finish();
    part_ = Part::chunk_end;
    return State::incomplete;
}

ResponseParser::State ResponseParser::finish() {
    if (part_ == Part::body && !has_length_) keeps_connection_ = false;
    part_ = Part::done;
    return State::complete;
}

}  // namespace momento
