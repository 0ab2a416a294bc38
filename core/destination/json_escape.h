// Writes strings into JSON (RFC 8259, section 7): escapes quotes, backslashes and control
// characters and nothing else, so that what comes out decodes to the same bytes.
//
// Pure; any thread. Bytes of 80 and above pass untouched: the caller knows its UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace momento {

// Appends `text` as it stands between the quotes of a JSON string.
void append_escaped(std::string& json, std::string_view text);  // SSSE3 where there is one
void append_escaped_portable(std::string& json, std::string_view text);

// With the quotes.
inline void append_json_string(std::string& json, std::string_view text) {
    json += '"';
    append_escaped(json, text);
    json += '"';
}

}  // namespace momento
