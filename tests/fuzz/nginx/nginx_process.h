// nginx inside a fuzzer: started as it starts itself, with a configuration of the fuzzer's,
// as a single process. Instead of its event loop the fuzzer runs, and turns the loop itself.
//
// The linker hands over with --wrap: see build_nginx_fuzzers in tests/lib/nginx.sh. An
// [alert], or a secret in a log line, aborts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "boundary.h"

namespace fuzz {

// Must not be in any line of the log.
inline constexpr char secret[] = "hush-1234567890";
inline constexpr size_t secret_length = sizeof secret - 1;

// Compares hashes: libFuzzer learns from what is compared, and would soon know the secret.
// What it finds out all the same, elsewhere, is no input worth trying.
bool holds_secret(std::string_view text);

[[noreturn]] void fail(const std::string& what);
void require(bool promise, const char* what);

// Starts nginx once; "%%DIR%%" in the configuration is a directory that lasts until exit.
// Returns that directory.
const std::string& start_nginx(const std::string& configuration);
void write_file(const std::string& path, const std::string& content);

// Lines of level [emerg] since the last call.
std::vector<std::string> take_errors();

// Destroys, when it goes, the pools that were made meanwhile and are still there.
class PoolWatch {
  public:
    PoolWatch();
    ~PoolWatch();
    PoolWatch(const PoolWatch&) = delete;
    PoolWatch& operator=(const PoolWatch&) = delete;
};

}  // namespace fuzz
