#include "base/permissions.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace momento {
namespace {

constexpr mode_t read_bit = 4;
constexpr mode_t enter_bit = 1;

bool has_list(const std::string& path) {
    return getxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
}

// Also true if nobody knows.
bool is_allowed(const std::string& path, const Account& account, mode_t bit) {
    struct stat info {};
    if (account.user == 0 || stat(path.c_str(), &info) != 0 || has_list(path)) return true;
    if (info.st_uid == account.user) return (info.st_mode & bit << 6) != 0;
    const auto& groups = account.groups;
    const bool is_member = std::find(groups.begin(), groups.end(), info.st_gid) != groups.end();
    return (info.st_mode & (is_member ? bit << 3 : bit)) != 0;
}

// The first of the directories above `path`, from the root on.
template <class IsClosed>
std::string find_above(const std::string& path, IsClosed is_closed) {
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        const std::string directory = slash == 0 ? "/" : path.substr(0, slash);
        if (is_closed(directory)) return directory;
    }
    return {};
}

}  // namespace

std::string closed_directory(const std::string& path) {
    return find_above(path, [](const std::string& directory) {
        return access(directory.c_str(), X_OK) != 0 && errno == EACCES;
    });
}

std::string closed_directory(const std::string& path, const Account& account) {
    return find_above(path, [&account](const std::string& directory) {
        return !is_allowed(directory, account, enter_bit);
    });
}

std::string may_not_enter(const std::string& closed) {
    return "may not enter \"" + closed + "\": open that (chmod o+x), or choose another place";
}

bool may_read(const std::string& file, const Account& account) {
    return closed_directory(file, account).empty() && is_allowed(file, account, read_bit);
}

}  // namespace momento
