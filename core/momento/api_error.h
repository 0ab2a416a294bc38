// What Momento says when it refuses a call of its HTTP API. Pure; used on the delivery thread.
//
// The body has been seen in two shapes, {"status","title","description"} (its OpenAPI
// description) and {"status","title","detail"} (clients in use); either is read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace momento {

struct ApiError {
    // Both at most 512 bytes, one line, control characters as blanks. Empty: not told.
    std::string title;  // "Key Not Found"
    std::string text;   // "The specified key was not present in the cache."
};

// Nothing if it is not Momento who answers: no JSON object that has a title, and this status as
// its own.
std::optional<ApiError> read_api_error(int status, std::string_view body);

}  // namespace momento
