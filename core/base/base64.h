// Base64 (RFC 4648, 4 and 5). Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace momento {

std::string base64(std::string_view bytes);  // with padding

// Of either alphabet, the standard one or that for URLs, with padding or without. Nothing if it
// is neither.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace momento
