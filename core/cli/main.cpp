#include <cstdlib>
#include <iostream>

#include "cli/command.h"

int main(int argc, char** argv) {
    std::ios::sync_with_stdio(false);
    momento::cli::Console console{
        std::cin, std::cout, std::cerr, [](const std::string& name) {
            return static_cast<const char*>(std::getenv(name.c_str()));
        }};
    return momento::cli::run_momentoctl({argv + 1, argv + argc}, console);
}
