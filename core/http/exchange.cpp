#include "http/exchange.h"

#include <utility>

namespace momento {
namespace {

// What goes in one call with the head: a record of TLS. Of a larger body the rest needs no
// copy.
constexpr size_t first_piece_bytes = 16u << 10;

using Io = Connection::Io;

}  // namespace

Exchange::Exchange(HttpRequest request, std::string head, HttpClient::Done done,
                   Scratch& scratch)
    : request_(std::move(request)),
      head_(std::move(head)),
      done_(std::move(done)),
      scratch_(scratch) {}

// Head and body together leave in one packet; a server that gets the head alone may wait.
std::string_view Exchange::next_piece() {
    const std::string_view body = request_.body;
    if (sent_ >= head_.size()) return body.substr(sent_ - head_.size());
    std::string& piece = scratch_.piece;
    piece.assign(head_, sent_, std::string::npos);
    if (piece.size() < first_piece_bytes) {
        piece.append(body.substr(0, first_piece_bytes - piece.size()));
    }
    return piece;
}

Exchange::Progress Exchange::send(Connection& connection) {
    while (!is_sent()) {
        const Io io = connection.send(next_piece(), sent_);
        if (io == Io::done) continue;
        if (io == Io::blocked) return Progress::waiting;
        // A server that wants no more of a request says why, and may close then.
        std::string trouble = connection.trouble();
        const Progress progress = receive(connection);
        if (progress == Progress::answered) return progress;
        trouble_ = std::move(trouble);
        return Progress::failed;
    }
    return Progress::waiting;
}

Exchange::Progress Exchange::receive(Connection& connection) {
    auto& buffer = scratch_.received;
    for (;;) {
        size_t received = 0;
        switch (connection.receive(buffer.data(), buffer.size(), received)) {
            case Io::done:
                break;
            case Io::blocked:
                return Progress::waiting;
            case Io::ended:
                return end_of_connection();
            case Io::broken:
                trouble_ = connection.trouble();
                return Progress::failed;
        }
        // The record of an alert: the other end wants TLS.
        if (!parser_.has_begun()) is_answered_in_tls_ = buffer[0] == '\x15';
        switch (parser_.read({buffer.data(), received})) {
            case ResponseParser::State::incomplete:
                break;
            case ResponseParser::State::complete:
                return Progress::answered;
            case ResponseParser::State::malformed:
                trouble_ = "the answer is not HTTP/1.1";
                return Progress::failed;
            case ResponseParser::State::too_long:
                trouble_ = "the answer is longer than " + std::to_string(max_response_bytes) +
                           " bytes";
                return Progress::failed;
        }
    }
}

Exchange::Progress Exchange::end_of_connection() {
    if (parser_.has_begun() && parser_.end() == ResponseParser::State::complete) {
        return Progress::answered;
    }
    trouble_ = parser_.has_begun() ? "the connection ended within the answer"
                                   : "the connection ended before an answer";
    return Progress::failed;
}

void Exchange::fail(HttpFailure::Stage stage, std::string text, bool is_setup) {
    result_.failed = true;
    result_.response = {};
    result_.failure = {stage, std::move(text), is_setup};
}

}  // namespace momento
