// What an event says, for places that take control characters for their own: headers, log
// lines, parameters of a protocol.
//
// Bytes 0x00-0x1F, 0x7F and "%" stand as %XX, every other byte as it is; so two texts never
// look alike. Only for showing: what is bound, queued and delivered is the event's own text.
#pragma once

#include <string>
#include <string_view>

namespace momento {

std::string variable_text(std::string_view text);

// True if variable_text() would change nothing, as is usual.
bool is_variable_text(std::string_view text);

}  // namespace momento
