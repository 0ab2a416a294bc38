#include "ingest/secret_file.h"

#include <sys/stat.h>

#include <cstdio>

namespace momento {

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
           "): chmod 600 keeps it for its owner";
}

}  // namespace momento
