// The commands of momentoctl. Each runs once, on the main thread of its own process; what
// it has to say goes to the console, why it could not run comes back as an Error.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/console.h"
#include "cli/options.h"

namespace momento::cli {

struct Command {
    std::string name;                // "send", "spool ls"
    std::string summary;             // one line of `momentoctl help`
    std::vector<std::string> usage;  // what stands behind the name: one line, or several ways
    std::string text;                // of its help, between usage and options
    OptionTable options;             // without those that every command takes
    std::string more;                // of its help, behind the options; may be empty
    Result<Outcome> (*run)(const Given& given, Console& console);
};

extern const Command sign_command;
extern const Command send_command;
extern const Command spool_ls_command;
extern const Command spool_cat_command;
extern const Command spool_verify_command;
extern const Command spool_move_command;
extern const Command dead_ls_command;
extern const Command dead_cat_command;
extern const Command dead_redrive_command;
extern const Command dead_rm_command;
extern const Command drain_command;
extern const Command check_command;

// All of them, in the order of the overview.
const std::vector<const Command*>& commands();

// What every command takes: --json, --quiet, --help.
const OptionTable& common_options();

// Runs the command that `arguments` name (without the program's own name), prints its
// error or help, and returns the process's exit status.
int run_momentoctl(const Arguments& arguments, Console& console);

}  // namespace momento::cli
