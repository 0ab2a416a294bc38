// Momento's API keys: what one is, and where it leads. Pure; called wherever a key was read
// from its source, while the configuration is read as well as on the delivery thread.
//
// Nothing here is verified, and no error quotes anything of a key. Sources: "API keys", Momento
// documentation; packages/core/src/internal/utils/auth.ts of momentohq/client-sdk-javascript.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace momento {

inline constexpr size_t max_api_key_bytes = 16u << 10;  // an HTTP header must hold it

struct ApiKey {
    enum class Kind {
        v1,     // base64 of {"endpoint", "api_key"}; disposable tokens, too
        v2,     // a token alone, valid in all regions
        other,  // neither: Momento may know it
    };
    Kind kind = Kind::other;

    std::string text;  // what Authorization holds, whole, without a scheme

    // Of v1: "https://api.cache.cell-4-us-west-2-1.prod.a.momentohq.com". Empty: the key does
    // not tell where it is valid.
    std::string endpoint;

    std::optional<int64_t> expires_s;  // since the epoch; nothing if never, or not told

    ApiKey() = default;
    ApiKey(const ApiKey&) = default;
    ApiKey(ApiKey&&) noexcept = default;
    ApiKey& operator=(ApiKey other) noexcept;  // cleanses what it replaces
    ~ApiKey();                                 // cleanses
};

// Blanks and line ends around the key are dropped. Refused is what Momento could not be sent,
// or would never take: nothing, another character than ASCII's visible ones, quotes, a name or
// a scheme before the key, JSON as it is, a v1 key without its members or whose endpoint is no
// host.
Result<ApiKey> parse_api_key(std::string_view source);

}  // namespace momento
