// Values of directives, read strictly: numbers within their range, "name=value" parameters.
//
// Every error says where, which value, and what was expected. Used while the configuration
// is read.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ngx.h"

namespace momento {

// What a number may be. Units as everywhere in nginx: "10" and "10s", "256k"; times are
// kept in milliseconds, sizes in bytes.
struct Range {
    enum class Unit { number, size, time };
    Unit unit = Unit::number;
    int64_t low = 0;
    int64_t high = 0;
    const char* text = nullptr;  // "a time from 1s to 24h": completes "… is expected"
};

// Nothing if `text` is no such number, or out of range.
std::optional<int64_t> read_number(std::string_view text, const Range& range);

// One "name=value" that a directive takes.
struct Parameter {
    std::string name;
    std::string expected;                        // completes "… is expected"
    std::function<bool(std::string_view)> read;  // false: invalid

    static Parameter number(const char* name, const Range& range, int64_t& target);
    static Parameter text(const char* name, std::string& target);  // anything but empty
};

// Arguments of a directive; [0] is its name.
using Arguments = std::vector<std::string_view>;
Arguments arguments_of(const ngx_conf_t* cf);

// Reads everything from `first` on as one of `parameters`, each at most once. `where` names
// the directive in errors: "\"batch\" of destination \"bus\"".
enum class Unknown { quoted, withheld };  // withheld: it may be a piece of a secret
Status read_parameters(const Arguments& arguments, size_t first, const std::string& where,
                       const std::vector<Parameter>& parameters,
                       Unknown unknown = Unknown::quoted);

std::string quoted(std::string_view text);  // "text", quotes included

// Ends an error about a name that is none: `did you mean "…"?`, if one of `names` is nearly it,
// and all of them.
std::string suggest(std::string_view name, const std::vector<std::string_view>& names);

// NGX_CONF_OK and NGX_CONF_ERROR with the type that setters return.
inline char* const conf_ok = NGX_CONF_OK;
inline char* const conf_error = static_cast<char*>(NGX_CONF_ERROR);

// Logs the error with the place in the configuration; what a directive's setter returns.
char* refuse(ngx_conf_t* cf, std::string_view text);

// Where something stood in the configuration, for errors found later.
struct Place {
    std::string file;
    ngx_uint_t line = 0;

    static Place here(const ngx_conf_t* cf);
};
char* refuse_at(ngx_conf_t* cf, const Place& place, std::string_view text);
void warn_at(ngx_conf_t* cf, const Place& place, std::string_view text);

}  // namespace momento
