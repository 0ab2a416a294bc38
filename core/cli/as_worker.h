// How to run a command as an nginx worker does: with its user, and the environment of its
// master.
#pragma once

#include <string>

#include "cli/console.h"

namespace momento::cli {

// A line for a shell. `arguments`: of momentoctl. systemd knows the environment that it gave
// the master; the master's own /proc/PID/environ does not tell: nginx writes its title there.
std::string as_worker(const Arguments& arguments, const Console& console);

}  // namespace momento::cli
