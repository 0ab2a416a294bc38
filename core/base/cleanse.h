// Wiping of secrets in memory. Called by whoever owns one, on any thread.
#pragma once

#include <openssl/crypto.h>

#include <string>

namespace momento {

// Overwrites the whole buffer, also what a longer value or a move left behind the end.
inline void cleanse(std::string& value) {
    value.resize(value.capacity());
    OPENSSL_cleanse(value.data(), value.size());
    value.clear();
}

}  // namespace momento
