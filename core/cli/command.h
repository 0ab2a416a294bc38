// The commands of momentoctl. Each runs once, on the main thread of its own process; what
// it has to say goes to the console, why it could not run comes back as an Error.
#pragma once

#include "base/result.h"
#include "cli/console.h"

namespace momento::cli {

struct Command {
    const char* name;     // "send", "spool ls"
    const char* summary;  // one line of `momentoctl --help`
    const char* help;     // what `momentoctl NAME --help` prints
    Result<Outcome> (*run)(const Arguments& arguments, Console& console);
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

// Runs the command that `arguments` name (without the program's own name), prints its
// error or help, and returns the process's exit status.
int run_momentoctl(const Arguments& arguments, Console& console);

}  // namespace momento::cli
