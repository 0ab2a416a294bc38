#include "ingest/variable_text.h"

#include <algorithm>

namespace momento {
namespace {

bool stands_escaped(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '%';
}

}  // namespace

bool is_variable_text(std::string_view text) {
    return std::none_of(text.begin(), text.end(), stands_escaped);
}

std::string variable_text(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string escaped;
    for (const char c : text) {
        if (!stands_escaped(c)) {
            escaped += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        escaped += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return escaped;
}

}  // namespace momento
