// What `momentoctl help` prints, from the tables of the commands.
#pragma once

#include <iosfwd>

#include "cli/command.h"

namespace momento::cli {

void print_overview(std::ostream& out);

// `first_word`: "dead"; those of its commands.
void print_group(const std::string& first_word, std::ostream& out);

void print_help(const Command& command, std::ostream& out);

// One object: version and commands, each with its options; for those who compare.
std::string describe_commands();

}  // namespace momento::cli
