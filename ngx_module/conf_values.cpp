#include "conf_values.h"

#include <algorithm>
#include <set>
#include <utility>

#include "boundary.h"

namespace momento {

namespace {

std::string list_names(const std::vector<Parameter>& parameters) {
    std::string list;
    for (size_t i = 0; i < parameters.size(); ++i) {
        if (i > 0) list += i + 1 < parameters.size() ? ", " : " or ";
        list += quoted(parameters[i].name + '=');
    }
    return list;
}

// How many letters are to be changed, put in or taken out. Source: Wagner, Fischer, "The
// String-to-String Correction Problem".
size_t distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = std::exchange(row[0], i);
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({changed, row[j] + 1, row[j - 1] + 1}));
        }
    }
    return row.back();
}

}  // namespace

std::string suggest(std::string_view name, const std::vector<std::string_view>& names) {
    std::string_view nearest;
    size_t least = 3;  // as far away it is another word
    std::string list;
    for (const std::string_view each : names) {
        const size_t away = distance(name, each);
        if (away < least) nearest = each;
        least = std::min(least, away);
        list += (list.empty() ? "" : ", ") + quoted(each);
    }
    const std::string guess =
        nearest.empty() ? "" : "did you mean " + quoted(nearest) + "? There are ";
    return guess + list + (nearest.empty() ? " are expected" : "");
}

std::optional<int64_t> read_number(std::string_view text, const Range& range) {
    // nginx takes nothing for zero.
    if (text.empty()) return std::nullopt;

    ngx_str_t value;
    value.data = reinterpret_cast<u_char*>(const_cast<char*>(text.data()));
    value.len = text.size();

    int64_t number = NGX_ERROR;
    switch (range.unit) {
        case Range::Unit::number:
            number = ngx_atoi(value.data, value.len);
            break;
        case Range::Unit::size:
            number = ngx_parse_offset(&value);
            break;
        case Range::Unit::time:
            number = ngx_parse_time(&value, 0);
            break;
    }
    if (number == NGX_ERROR || number < range.low || number > range.high) return std::nullopt;
    return number;
}

Parameter Parameter::number(const char* name, const Range& range, int64_t& target) {
    return {name, range.text, [&range, &target](std::string_view value) {
                auto number = read_number(value, range);
                if (number) target = *number;
                return number.has_value();
            }};
}

Parameter Parameter::text(const char* name, std::string& target) {
    return {name, "a name", [&target](std::string_view value) {
                target = value;
                return !value.empty();
            }};
}

Arguments arguments_of(const ngx_conf_t* cf) {
    auto* values = static_cast<ngx_str_t*>(cf->args->elts);
    Arguments arguments;
    for (ngx_uint_t i = 0; i < cf->args->nelts; ++i) arguments.push_back(to_view(values[i]));
    return arguments;
}

Status read_parameters(const Arguments& arguments, size_t first, const std::string& where,
                       const std::vector<Parameter>& parameters, Unknown unknown) {
    std::set<std::string> seen;
    for (size_t i = first; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        const size_t equals = argument.find('=');
        const std::string_view name = argument.substr(0, equals);
        auto parameter =
            std::find_if(parameters.begin(), parameters.end(),
                         [name](const Parameter& candidate) { return candidate.name == name; });
        if (equals == std::string_view::npos || parameter == parameters.end()) {
            return Error{"unknown parameter " +
                         (unknown == Unknown::quoted ? quoted(argument) + ' ' : "") + "in " +
                         where + ": " + list_names(parameters) + " is expected"};
        }
        if (!seen.insert(parameter->name).second) {
            return Error{"duplicate parameter " + quoted(argument) + " in " + where};
        }
        if (!parameter->read(argument.substr(equals + 1))) {
            return Error{"invalid parameter " + quoted(argument) + " in " + where + ": " +
                         parameter->expected + " is expected"};
        }
    }
    return {};
}

std::string quoted(std::string_view text) {
    return '"' + std::string(text) + '"';
}

char* refuse(ngx_conf_t* cf, std::string_view text) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%*s", MOMENTO_TEXT(text));
    return conf_error;
}

Place Place::here(const ngx_conf_t* cf) {
    return {std::string(to_view(cf->conf_file->file.name)), cf->conf_file->line};
}

char* refuse_at(ngx_conf_t* cf, const Place& place, std::string_view text) {
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%*s in %s:%ui", MOMENTO_TEXT(text),
                  place.file.c_str(), place.line);
    return conf_error;
}

void warn_at(ngx_conf_t* cf, const Place& place, std::string_view text) {
    ngx_log_error(NGX_LOG_WARN, cf->log, 0, "%*s in %s:%ui", MOMENTO_TEXT(text),
                  place.file.c_str(), place.line);
}

}  // namespace momento
