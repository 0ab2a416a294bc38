#include "cli/console.h"

#include <istream>

namespace momento::cli {

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
