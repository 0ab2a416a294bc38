// A request's line and headers (RFC 9112): checked, and as they go over a connection.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/client.h"
#include "http/url.h"

namespace momento {

// A name of a method or header (RFC 9110, 5.6.2).
bool is_token(std::string_view text);

// A header's value: no control characters but tabs.
bool is_value(std::string_view text);

// A header value could otherwise smuggle in a header, or a whole request.
Status check_request(const HttpRequest& request);

// What stands before the body, with the empty line. `through_proxy`: to a proxy that is asked
// for the URL, and may be told who asks; not through its tunnel.
std::string request_head(const HttpRequest& request, const Url& url, bool through_proxy);

}  // namespace momento
