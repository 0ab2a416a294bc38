#include "cli/command.h"

#include <algorithm>
#include <iterator>
#include <ostream>

#include "base/version.h"
#include "cli/options.h"

namespace momento::cli {

namespace {

const Command* const commands[] = {
    &sign_command,         &send_command,       &spool_ls_command, &spool_cat_command,
    &spool_verify_command, &spool_move_command, &dead_ls_command,  &dead_cat_command,
    &dead_redrive_command, &dead_rm_command,    &drain_command,    &check_command,
};

void print_overview(std::ostream& out) {
    out << "usage: momentoctl COMMAND [OPTION]... [OPERAND]...\n\ncommands:\n";
    for (const Command* command : commands) {
        std::string name = command->name;
        name.resize(16, ' ');
        out << "  " << name << command->summary << '\n';
    }
    out << "\n  momentoctl COMMAND --help says more.\n\n"
           "exit status: 0 fine, 1 something was found, 2 could not run\n";
}

bool wants_help(const Arguments& arguments) {
    auto end = std::find(arguments.begin(), arguments.end(), "--");
    return std::any_of(arguments.begin(), end, [](const std::string& argument) {
        return argument == "--help" || argument == "-h";
    });
}

// The command that the first words name; `words` says how many they were.
const Command* find_command(const Arguments& arguments, size_t* words) {
    for (*words = std::min<size_t>(arguments.size(), 2); *words > 0; --*words) {
        std::string name = arguments[0];
        if (*words == 2) name += " " + arguments[1];
        for (const Command* command : commands) {
            if (name == command->name) return command;
        }
    }
    return nullptr;
}

Error unknown_command(const Arguments& arguments) {
    std::vector<std::string> names;
    std::transform(std::begin(commands), std::end(commands), std::back_inserter(names),
                   [](const Command* command) { return command->name; });
    std::string name = arguments[0];
    std::string group;  // commands of two words that start with this one
    for (const std::string& each : names) {
        if (each.rfind(name + " ", 0) != 0) continue;
        group += (group.empty() ? "\"" : ", \"") + each + "\"";
    }
    if (!group.empty() && arguments.size() == 1) {
        return Error{"\"" + name + "\" is not a whole command, give one of " + group};
    }
    if (!group.empty()) name += " " + arguments[1];
    return Error{"unknown command \"" + name + "\"" + did_you_mean(name, names)};
}

}  // namespace

int run_momentoctl(const Arguments& arguments, Console& console) {
    size_t words = 0;
    const Command* command = find_command(arguments, &words);
    Result<Outcome> result = Outcome::fine;
    std::string who = "momentoctl";

    if (command != nullptr) {
        Arguments rest(arguments.begin() + static_cast<ptrdiff_t>(words), arguments.end());
        who += std::string(" ") + command->name;
        if (wants_help(rest)) {
            console.out << command->help;
        } else {
            result = command->run(rest, console);
        }
    } else if (wants_help(arguments)) {
        print_overview(console.out);
    } else if (arguments.empty()) {
        print_overview(console.err);
        return exit_could_not_run;
    } else if (arguments[0] == "--version") {
        console.out << "momentoctl " << version << '\n';
    } else {
        result = unknown_command(arguments);
    }

    console.out.flush();
    if (result && !console.out) result = Error{"cannot write to standard output"};
    if (!result) {
        console.err << who << ": " << result.error().text << '\n';
        return exit_could_not_run;
    }
    return static_cast<int>(*result);
}

}  // namespace momento::cli
