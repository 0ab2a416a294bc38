#include "cli/command.h"

#include <algorithm>
#include <iterator>
#include <ostream>

#include "base/json.h"
#include "base/version.h"
#include "cli/help.h"

namespace momento::cli {

const std::vector<const Command*>& commands() {
    static const std::vector<const Command*> all = {
        &sign_command,         &send_command,       &spool_ls_command, &spool_cat_command,
        &spool_verify_command, &spool_move_command, &dead_ls_command,  &dead_cat_command,
        &dead_redrive_command, &dead_rm_command,    &drain_command,    &check_command,
    };
    return all;
}

const OptionTable& common_options() {
    static const OptionTable options = {
        {"--json", "", "prints JSON objects, one a line", Option::Kind::flag},
        {"--quiet", "", "shows no progress and gives no advice", Option::Kind::flag},
        {"--help", "", "prints this; so does -h", Option::Kind::flag},
    };
    return options;
}

namespace {

bool is_help(const std::string& argument) {
    return argument == "--help" || argument == "-h";
}

bool wants_help(const Arguments& arguments) {
    auto end = std::find(arguments.begin(), arguments.end(), "--");
    return std::any_of(arguments.begin(), end, is_help);
}

// The command that the first words name; `words` says how many they were.
const Command* find_command(const Arguments& arguments, size_t* words) {
    for (*words = std::min<size_t>(arguments.size(), 2); *words > 0; --*words) {
        std::string name = arguments[0];
        if (*words == 2) name += " " + arguments[1];
        for (const Command* command : commands()) {
            if (name == command->name) return command;
        }
    }
    return nullptr;
}

// Names of two words that start with this one.
std::vector<std::string> find_group(const std::string& first_word) {
    std::vector<std::string> names;
    for (const Command* command : commands()) {
        if (command->name.rfind(first_word + " ", 0) == 0) names.push_back(command->name);
    }
    return names;
}

Error unknown_command(const Arguments& arguments) {
    std::vector<std::string> names = {"help", "version"};
    std::transform(commands().begin(), commands().end(), std::back_inserter(names),
                   [](const Command* command) { return command->name; });
    std::string name = arguments[0];
    std::string group;
    for (const std::string& each : find_group(name)) {
        group += (group.empty() ? "\"" : ", \"") + each + "\"";
    }
    if (!group.empty() && arguments.size() == 1) {
        return Error{"\"" + name + "\" is not a whole command, give one of " + group};
    }
    if (!group.empty()) name += " " + arguments[1];
    return Error{"unknown command \"" + name + "\"" + did_you_mean(name, names)};
}

Result<Outcome> run_command(const Command& command, const Arguments& rest, Console& console) {
    if (wants_help(rest)) {
        print_help(command, console.out);
        return Outcome::fine;
    }
    OptionTable table = command.options;
    table.insert(table.end(), common_options().begin(), common_options().end());
    Result<Given> given = parse(table, rest);
    if (!given) return given.error();
    Result<Outcome> result = command.run(*given, console);
    console.clear_progress();
    return result;
}

// `words` behind "help".
Result<Outcome> help(Arguments words, std::ostream& out) {
    words.erase(std::remove_if(words.begin(), words.end(), is_help), words.end());
    if (words.empty()) {
        print_overview(out);
        return Outcome::fine;
    }
    if (words == Arguments{"--json"}) {
        out << describe_commands() << '\n';
        return Outcome::fine;
    }
    size_t count = 0;
    if (const Command* command = find_command(words, &count); command) {
        print_help(*command, out);
    } else if (words.size() == 1 && !find_group(words[0]).empty()) {
        print_group(words[0], out);
    } else {
        return unknown_command(words);
    }
    return Outcome::fine;
}

Result<Outcome> print_version(const Arguments& rest, std::ostream& out) {
    if (rest == Arguments{"--json"}) {
        out << Json::object().set("version", Json::string(version)).dump() << '\n';
        return Outcome::fine;
    }
    if (!rest.empty()) {
        return Error{"unexpected \"" + rest[0] + "\", the version takes --json only"};
    }
    out << "momentoctl " << version << '\n';
    return Outcome::fine;
}

Result<Outcome> run_other(const Arguments& arguments, Console& console) {
    const std::string& first = arguments[0];
    const Arguments rest(arguments.begin() + 1, arguments.end());
    if (first == "version" || first == "--version" || first == "-V") {
        return print_version(rest, console.out);
    }
    if (first == "help") return help(rest, console.out);
    if (is_help(first)) return help({}, console.out);
    const bool is_group_help = rest.size() == 1 && is_help(rest[0]);
    if (is_group_help && !find_group(first).empty()) return help({first}, console.out);
    return unknown_command(arguments);
}

}  // namespace

int run_momentoctl(const Arguments& arguments, Console& console) {
    if (arguments.empty()) {
        print_overview(console.err);
        return exit_could_not_run;
    }
    size_t words = 0;
    const Command* command = find_command(arguments, &words);
    std::string who = "momentoctl";
    if (command != nullptr) who += " " + command->name;
    const Arguments rest(arguments.begin() + static_cast<ptrdiff_t>(words), arguments.end());
    Result<Outcome> result =
        command ? run_command(*command, rest, console) : run_other(arguments, console);

    console.out.flush();
    if (result && !console.out) result = Error{"cannot write to standard output"};
    if (!result) {
        console.err << who << ": " << result.error().text << '\n';
        return exit_could_not_run;
    }
    return static_cast<int>(*result);
}

}  // namespace momento::cli
