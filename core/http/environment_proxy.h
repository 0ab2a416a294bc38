// A proxy as the environment names it, and which hosts go without. Pure; any thread.
// Source: Python's urllib.request, which AWS's tools ask.
#pragma once

#include <string>
#include <string_view>

#include "http/url.h"

namespace momento {

// Whether NO_PROXY names the URL's host: "*", or a list of names, separated by commas. A name
// holds for the host and what is below it; a blank or dot before it means nothing.
bool is_without_proxy(const Url& url, std::string_view no_proxy);

// The URL of a proxy: http, where no scheme is said.
std::string with_scheme(std::string_view proxy);

}  // namespace momento
