// One request and its answer, over a connection that is open.
//
// Belongs to the client's thread. Knows nothing of pools, limits and timeouts: the client does.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/client.h"
#include "http/connector.h"
#include "http/response_parser.h"

namespace momento {

class Exchange {
  public:
    // Memory that exchanges use in turn.
    struct Scratch {
        // OpenSSL wants a write that was put off to be repeated from the same place.
        Scratch() { piece.reserve(64u << 10); }

        std::string piece;  // head and begin of the body
        std::array<char, 64u << 10> received;
    };

    enum class Progress { waiting, answered, failed };

    // `head`: the request's, as request_head() has it.
    Exchange(HttpRequest request, std::string head, HttpClient::Done done, Scratch& scratch);
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    const HttpRequest& request() const { return request_; }

    // As much as the connection takes.
    Progress send(Connection& connection);

    // What the connection has. Answers may come before all was sent.
    Progress receive(Connection& connection);

    // Nothing of it has left, and nothing has come: it may go over another connection.
    bool is_untouched() const { return sent_ == 0 && !parser_.has_begun(); }

    bool is_sent() const { return sent_ == head_.size() + request_.body.size(); }

    // Of an answered one: whether another request may go over its connection.
    bool may_keep_connection() const { return is_sent() && parser_.may_keep_connection(); }

    // Why it failed: for people.
    const std::string& trouble() const { return trouble_; }

    // The end. Runs the callback.
    void fail(HttpFailure::Stage stage, std::string text, bool is_setup = false);

    // Of a failed one: not a byte of an answer came.
    bool is_unanswered() const { return !parser_.has_begun(); }
    bool is_answered_in_tls() const { return is_answered_in_tls_; }
    HttpFailure::Stage stage() const {
        return sent_ > 0 ? HttpFailure::Stage::after_send : HttpFailure::Stage::before_send;
    }
    void finish() { done_(std::move(result_)); }

    int64_t started_us = 0;  // of the steady clock
    int64_t deadline_us = 0;
    HttpResult& result() { return result_; }

  private:
    std::string_view next_piece();
    Progress end_of_connection();

    const HttpRequest request_;
    const std::string head_;
    const HttpClient::Done done_;
    Scratch& scratch_;
    size_t sent_ = 0;  // of head and body
    HttpResult result_;
    ResponseParser parser_{result_.response};
    std::string trouble_;
    bool is_answered_in_tls_ = false;
};

}  // namespace momento
