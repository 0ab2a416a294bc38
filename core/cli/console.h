// What a command of momentoctl sees of the world around it, so that tests can play it.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "base/result.h"
#include "ingest/secrets.h"

namespace momento::cli {

using Arguments = std::vector<std::string>;

struct Console {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    Environment environment;
};

// A command's exit status. That it could not run at all is 2, and comes with an Error.
enum class Outcome {
    fine = 0,
    found = 1,  // something was found that a person should look at
};

inline constexpr int exit_could_not_run = 2;

// Everything until the end of the stream.
Result<std::string> read_all(std::istream& in);

// Text of somebody else, for a terminal: control characters, but for line breaks and tabs,
// become '?'.
std::string printable(std::string_view text);

}  // namespace momento::cli
