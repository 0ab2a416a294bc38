#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "cli/command.h"

namespace {

momento::cli::Terminal look_at_terminal() {
    momento::cli::Terminal terminal;
    terminal.in = isatty(STDIN_FILENO) == 1;
    terminal.err = isatty(STDERR_FILENO) == 1;
    winsize size{};
    if (terminal.err && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        terminal.columns = size.ws_col;
    }
    return terminal;
}

}  // namespace

int main(int argc, char** argv) {
    std::ios::sync_with_stdio(false);
    momento::cli::Console console{
        std::cin, std::cout, std::cerr,
        [](const std::string& name) {
            return static_cast<const char*>(std::getenv(name.c_str()));
        },
        look_at_terminal()};
    return momento::cli::run_momentoctl({argv + 1, argv + argc}, console);
}
