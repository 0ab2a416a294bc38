#include "cli/as_worker.h"

#include <pwd.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/build_id.h"
#include "cli/spool_access.h"

namespace momento::cli {

namespace {

// The spool's owner; where there is none yet, Debian's.
std::string worker_user(const Console& console) {
    struct stat info {};
    if (stat(default_spool(console).c_str(), &info) == 0 && info.st_uid != 0) {
        const passwd* user = getpwuid(info.st_uid);
        return user ? user->pw_name : std::to_string(info.st_uid);
    }
    return "www-data";
}

// env finds nothing outside /bin and /usr/bin once PATH is gone.
std::string own_path() {
    const std::string path = loaded_build().path;
    return path.empty() ? "momentoctl" : path;
}

std::string quoted(const std::string& word) {
    const bool is_plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
        return is_alphanumeric(c) ||
               std::string_view("-_./:=,@%+").find(c) != std::string::npos;
    });
    if (is_plain) return word;
    std::string text = "'";
    for (char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

}  // namespace

std::string as_worker(const Arguments& arguments, const Console& console) {
    const std::string user = quoted(worker_user(console));
    std::string line =
        "sudo env -i $(systemctl show nginx -p Environment --value) setpriv --reuid=" + user +
        " --regid=" + user + " --init-groups " + quoted(own_path());
    for (const std::string& argument : arguments) line += ' ' + quoted(argument);
    return line;
}

}  // namespace momento::cli
