// Reads one small file by its path: secrets, shared credentials, tokens.
//
// Blocks; called while the configuration is read, by the command-line tool, and by threads
// other than the event loop.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace momento {

// The whole content. A file of more than `limit` bytes is an error (so that a path to the
// wrong thing cannot eat the memory); so is anything but a regular file, a pipe included:
// opening it must not wait for a writer.
Result<std::string> read_file(const std::string& path, size_t limit);

}  // namespace momento
