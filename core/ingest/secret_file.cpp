#include "ingest/secret_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "base/ascii.h"

namespace momento {

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr char what_sources_are[] = "\"file:PATH\", \"env:NAME\" or \"secretsmanager:ID\"";

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// "vault:", "File:", "https:", "arn:".
bool begins_like_a_source(std::string_view value) {
    const size_t colon = value.find(':');
    return colon != std::string_view::npos && colon > 1 &&
           std::all_of(value.begin(), value.begin() + static_cast<ptrdiff_t>(colon),
                       [](char c) { return is_alphanumeric(c); });
}

bool names_a_file(std::string_view value) {
    struct stat info {};
    return value.front() == '/' && stat(std::string(value).c_str(), &info) == 0;
}

// 'value' or "value".
bool is_quoted(std::string_view value) {
    return value.size() >= 2 && value.front() == value.back() &&
           (value.front() == '"' || value.front() == '\'');
}

// "MOMENTO_SECRET=value", as a file for a shell has it. A capital, an underscore and no more:
// "=" ends Base64, and may stand in any secret.
bool is_assignment(std::string_view value) {
    const size_t equals = value.find('=');
    if (equals == std::string_view::npos || equals < 2 || equals + 1 == value.size())
        return false;
    const std::string_view name = value.substr(0, equals);
    return name.find('_') != std::string_view::npos &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
           });
}

const char* doubt_value(std::string_view value) {
    if (value.substr(0, byte_order_mark.size()) == byte_order_mark) {
        return "begins with a byte order mark, which counts too: remove it";
    }
    if (value.front() == ' ' || value.back() == ' ' ||
        std::any_of(value.begin(), value.end(), is_control)) {
        return "has a blank at an end, or a line break or another control character, which "
               "count too: remove them";
    }
    if (is_quoted(value)) return "stands in quotes, which count too: remove them";
    if (is_assignment(value)) {
        return "looks like NAME=VALUE, and all of it counts: leave the value only";
    }
    if (value.size() == 1) return "is one byte long: anybody can guess it";
    if (value.front() == '{') {
        return "begins like a JSON object and is none: it counts as it stands";
    }
    return nullptr;
}

}  // namespace

std::optional<std::string> doubt_secret_file(const std::string& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) return std::nullopt;

    const char* doubt = nullptr;
    if ((info.st_mode & S_IROTH) != 0) {
        doubt = "read by everybody";
    } else if ((info.st_mode & S_IWOTH) != 0) {
        doubt = "written by everybody";
    } else if ((info.st_mode & S_IWGRP) != 0) {
        doubt = "written by its group";
    }
    if (doubt == nullptr) return std::nullopt;

    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(info.st_mode & 07777));
    return "\"" + path + "\" holds a secret and can be " + doubt + " (mode " + mode +
           "): chmod 640 keeps it for its owner and a group of the workers";
}

std::optional<std::string> doubt_secret(const SecretSource& source, std::string_view value) {
    if (value.empty()) return std::nullopt;
    if (source.kind == SecretSource::Kind::plain) {
        if (value.front() == '$') {
            return "a secret that is given itself begins with \"$\": variables have no meaning "
                   "there";
        }
        if (begins_like_a_source(value) || names_a_file(value)) {
            return std::string(
                       "a secret that is given itself looks like a source: those are ") +
                   what_sources_are;
        }
    }
    const char* doubt = doubt_value(value);
    if (doubt == nullptr) return std::nullopt;
    return "secret \"" + source.name() + "\" " + doubt;
}

}  // namespace momento
