#include "cli/console.h"

#include <istream>
#include <ostream>

namespace momento::cli {

void Console::say(const std::string& text) {
    clear_progress();
    err << printable(text) << '\n';
    err.flush();
}

void Console::clear_progress() {
    if (has_progress) err << "\r\x1b[K" << std::flush;
    has_progress = false;
}

Result<std::string> read_all(std::istream& in) {
    // Not with iterators of the buffer: those throw where read() sets the stream's state.
    std::string text;
    char piece[16384];
    do {
        in.read(piece, sizeof(piece));
        text.append(piece, static_cast<size_t>(in.gcount()));
    } while (in);
    if (in.bad()) return Error{"cannot read standard input"};
    return text;
}

std::string printable(std::string_view text) {
    std::string safe(text);
    for (char& c : safe) {
        bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        if (control && c != '\n' && c != '\t') c = '?';
    }
    return safe;
}

}  // namespace momento::cli
