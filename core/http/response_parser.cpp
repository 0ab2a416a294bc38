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

// Takes the next item off a list: "keep-alive, close". A list may have empty ones.
std::string_view next_item(std::string_view& list) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(item.size() + 1, list.size()));
    return trim(item);
}

bool lists(std::string_view value, std::string_view token) {
    while (!value.empty()) {
        if (equals_ignoring_case(next_item(value), token)) return true;
    }
    return false;
}

bool is_fold(std::string_view line) {
    return line.front() == ' ' || line.front() == '\t';
}

// What RFC 9112 (2.2) allows for a bare CR, for every control character: a blank.
std::string without_controls(std::string_view text) {
    std::string blanked(text);
    for (char& c : blanked) {
        if (!is_value({&c, 1})) c = ' ';
    }
    return blanked;
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
    if (line.find('\0') != line.npos) return State::malformed;
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
            return line.empty() ? finish() : take_trailer(line);
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
    constexpr size_t code_end = code_at + 3;
    const bool is_status = line.size() >= code_end &&
                           equals_ignoring_case(line.substr(0, protocol.size()), protocol) &&
                           is_digit(line[protocol.size()]) && line[version_size] == ' ' &&
                           (line.size() == code_end || !is_digit(line[code_end]));
    uint64_t code = 0;
    if (!is_status || !parse_number(line.substr(code_at, 3), 10, code) || code < 100) {
        return State::malformed;
    }
    response_.status = static_cast<int>(code);
    // Without a word to the contrary HTTP/1.0 ends the connection; it is not asked to keep it.
    const bool is_odd = line.size() > code_end && line[code_end] != ' ';
    if (line[protocol.size()] == '0' || is_odd) keeps_connection_ = false;
    part_ = Part::headers;
    return State::incomplete;
}

ResponseParser::State ResponseParser::take_header(std::string_view line) {
    auto& headers = response_.headers;
    const bool is_folded = is_fold(line);  // RFC 9112, 5.2: the last one goes on
    if (is_folded && headers.empty()) return State::malformed;
    const size_t colon = line.find(':');
    if (!is_folded && colon == line.npos) return State::malformed;

    std::string_view value = is_folded ? line : line.substr(colon + 1);
    std::string blanked;
    if (!is_value(value)) {
        blanked = without_controls(value);
        value = blanked;
        keeps_connection_ = false;
    }
    value = trim(value);
    if (is_folded) {
        std::string& begun = headers.back().second;
        if (!begun.empty()) begun += ' ';
        begun += value;
        return State::incomplete;
    }
    std::string_view name = line.substr(0, colon);
    if (!is_token(name)) {
        keeps_connection_ = false;
        name = trim(name);  // RFC 9112, 5.1: a blank behind it goes
        if (!is_token(name)) name = {};
    }
    headers.emplace_back(lower_case(name), value);
    return State::incomplete;
}

// Nobody reads them, but a line that is none is the sign of an answer out of step.
ResponseParser::State ResponseParser::take_trailer(std::string_view line) {
    const bool is_trailer = is_fold(line) || line.find(':') != line.npos;
    return is_trailer ? State::incomplete : State::malformed;
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
        bool fits = true;
        if (name == "transfer-encoding") {
            fits = take_encodings(value);
        } else if (name == "content-length") {
            fits = take_lengths(value);
        } else if (name == "connection" && lists(value, "close")) {
            keeps_connection_ = false;
        }
        if (!fits) return State::malformed;
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

// "chunked", maybe with "identity" before it, which is none (RFC 2616, 3.6). What is compressed
// as well could not be read.
bool ResponseParser::take_encodings(std::string_view list) {
    if (is_chunked_ || !equals_ignoring_case(list, "chunked")) keeps_connection_ = false;
    while (!list.empty()) {
        const std::string_view encoding = next_item(list);
        if (equals_ignoring_case(encoding, "chunked")) {
            is_chunked_ = true;
        } else if (!encoding.empty() &&
                   (is_chunked_ || !equals_ignoring_case(encoding, "identity"))) {
            return false;
        }
    }
    return true;
}

// One number; RFC 9112 (6.3) lets it be repeated.
bool ResponseParser::take_lengths(std::string_view list) {
    do {
        uint64_t length = 0;
        if (!parse_number(next_item(list), 10, length)) return false;
        if (has_length_ && length != length_) return false;
        has_length_ = true;
        length_ = length;
    } while (!list.empty());
    return true;
}

// "1a;name=value": what follows the size is ignored.
ResponseParser::State ResponseParser::take_chunk_size(std::string_view line) {
    size_t digits = 0;
    while (digits < line.size() && is_hex_digit(line[digits])) ++digits;
    if (!parse_number(line.substr(0, digits), 16, length_)) return State::malformed;
    const std::string_view behind = trim(line.substr(digits));
    if (!behind.empty() && behind.front() != ';') keeps_connection_ = false;
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
