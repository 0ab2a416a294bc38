#include "cli/progress.h"

#include <ostream>

#include "base/clock.h"

namespace momento::cli {

namespace {

constexpr int64_t interval_us = 200'000;

// One line of the terminal, or it could not be taken back.
std::string fit(std::string line, size_t columns) {
    for (char& c : line) {
        if (c == '\n' || c == '\t') c = ' ';
    }
    if (columns < 8 || line.size() < columns) return line;
    line.resize(columns - 4);
    return line + "...";
}

}  // namespace

Progress::Progress(Console& console, const Given& given)
    : console_(console), is_shown_(console.terminal.err && !given.flag("--quiet")) {}

void Progress::show(const std::function<std::string()>& text) {
    if (!is_shown_) return;
    const int64_t now_us = system_clock().steady_us();
    if (now_us < next_us_) return;
    next_us_ = now_us + interval_us;
    console_.clear_progress();
    console_.err << fit(printable(text()), console_.terminal.columns) << std::flush;
    console_.has_progress = true;
}

}  // namespace momento::cli
