#include "cli/help.h"

#include <algorithm>
#include <ostream>
#include <string_view>

#include "base/json.h"
#include "base/version.h"

namespace momento::cli {

namespace {

constexpr size_t line_width = 92;
constexpr size_t widest_option = 19;  // the help of longer ones begins on a line of its own

void print_line(const Command& command, std::ostream& out) {
    std::string name = command.name;
    name.resize(std::max<size_t>(name.size() + 1, 16), ' ');
    out << "  " << name << command.summary << '\n';
}

// Words of `text` in lines that begin behind `indent` blanks; the first line is begun already.
void print_wrapped(std::string_view text, size_t indent, std::ostream& out) {
    size_t column = indent;
    while (!text.empty()) {
        const size_t end = std::min(text.find(' '), text.size());
        if (column > indent && column + 1 + end > line_width) {
            out << '\n' << std::string(indent, ' ');
            column = indent;
        }
        if (column > indent) {
            out << ' ';
            column++;
        }
        out << text.substr(0, end);
        column += end;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    out << '\n';
}

std::string label(const Option& option) {
    return option.value.empty() ? option.name : option.name + ' ' + option.value;
}

void print_options(const OptionTable& options, size_t width, std::ostream& out) {
    for (const Option& option : options) {
        std::string text = label(option);
        out << "  " << text;
        if (text.size() > width) {
            out << '\n' << std::string(width + 4, ' ');
        } else {
            out << std::string(width + 2 - text.size(), ' ');
        }
        print_wrapped(option.help, width + 4, out);
    }
}

size_t label_width(const OptionTable& options) {
    size_t width = 0;
    for (const Option& option : options) {
        const size_t size = label(option).size();
        if (size <= widest_option) width = std::max(width, size);
    }
    return width;
}

Json list_options(const OptionTable& options) {
    Json list = Json::array();
    for (const Option& option : options) {
        Json json = Json::object();
        json.set("name", Json::string(option.name))
            .set("value", option.value.empty() ? Json() : Json::string(option.value))
            .set("help", Json::string(option.help));
        list.append(json);
    }
    return list;
}

}  // namespace

void print_overview(std::ostream& out) {
    out << "usage: momentoctl COMMAND [OPTION]... [OPERAND]...\n\ncommands:\n";
    for (const Command* command : commands()) print_line(*command, out);
    out << "  help [COMMAND]  says this, or more about a command\n"
           "  version         prints the version; so do -V and --version\n"
           "\nevery command takes:\n";
    print_options(common_options(), label_width(common_options()), out);
    out << "\nThe spool is MOMENTO_SPOOL of the environment, or /var/lib/nginx/momento, where\n"
           "none is given.\n"
           "Exit status: 0 fine, 1 something was found, 2 could not run.\n";
}

void print_group(const std::string& first_word, std::ostream& out) {
    out << "usage: momentoctl " << first_word
        << " COMMAND [OPTION]... [OPERAND]...\n\ncommands:\n";
    for (const Command* command : commands()) {
        if (command->name.rfind(first_word + " ", 0) == 0) print_line(*command, out);
    }
    out << "\n  momentoctl help " << first_word << " COMMAND says more.\n";
}

void print_help(const Command& command, std::ostream& out) {
    const char* before = "usage: ";
    for (const std::string& way : command.usage) {
        out << before << "momentoctl " << command.name << (way.empty() ? "" : " ") << way
            << '\n';
        before = "       ";
    }
    out << '\n' << command.text << '\n';
    const size_t width = std::max(label_width(command.options), label_width(common_options()));
    print_options(command.options, width, out);
    print_options(common_options(), width, out);
    if (!command.more.empty()) out << '\n' << command.more;
}

std::string describe_commands() {
    Json list = Json::array();
    for (const Command* command : commands()) {
        Json usage = Json::array();
        for (const std::string& way : command->usage) usage.append(Json::string(way));
        Json json = Json::object();
        json.set("name", Json::string(command->name))
            .set("summary", Json::string(command->summary))
            .set("usage", usage)
            .set("options", list_options(command->options));
        list.append(json);
    }
    Json all = Json::object();
    all.set("version", Json::string(version))
        .set("commands", list)
        .set("common_options", list_options(common_options()));
    return all.dump();
}

}  // namespace momento::cli
