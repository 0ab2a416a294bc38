// Runs momentoctl inside the test's process.
#pragma once

#include <sstream>
#include <string>

#include "cli/command.h"

namespace momento::cli {

struct Ran {
    int status = 0;
    std::string out;
    std::string err;
};

inline Ran run(const Arguments& arguments, const std::string& input = "",
               const Environment& environment = {}, Terminal terminal = {}) {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    auto nothing_set = [](const std::string&) -> const char* { return nullptr; };
    Console console{in, out, err, environment ? environment : nothing_set, terminal};
    int status = run_momentoctl(arguments, console);
    return {status, out.str(), err.str()};
}

}  // namespace momento::cli
