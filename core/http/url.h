// Absolute http and https URLs, as settings and the environment give them.
//
// Strict rather than helpful: what is refused here never reaches a network library, and
// both sides of a signature (the Host header, the path) are read from one place. Pure;
// callable while the configuration is read, before any library was initialised.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace momento {

struct Url {
    std::string scheme;  // "http" or "https"
    std::string host;    // lower case; an IPv6 address in brackets
    int port = 0;        // always set
    std::string path;    // at least "/", percent-encoded as given
    std::string query;   // without '?'

    // The Host header HTTP clients send: the port only if it is not the scheme's own.
    std::string authority() const;
    std::string origin() const { return scheme + "://" + authority(); }
    std::string text() const;
};

// User names and fragments are refused. The error quotes the URL.
Result<Url> parse_url(std::string_view text);

// A proxy's URL: no path, but maybe a user and password, which no error quotes.
Status check_proxy_url(std::string_view text);

// All but what RFC 3986 (2.3) calls unreserved becomes "%XX".
void append_percent_encoded(std::string& out, std::string_view text);

}  // namespace momento
