// What a command of momentoctl sees of the world around it, so that tests can play it.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/result.h"
#include "ingest/secrets.h"

namespace momento::cli {

using Arguments = std::vector<std::string>;

// Which of the streams somebody sits at.
struct Terminal {
    bool in = false;
    bool err = false;
    size_t columns = 80;  // of err
};

struct Console {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    Environment environment;
    Terminal terminal{};
    bool has_progress = false;  // a line of Progress stands on the terminal

    // One line for a person, on `err`; `text` may hold somebody else's.
    void say(const std::string& text);

    // Takes the line of Progress away; before anything is written to `out`.
    void clear_progress();
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
