// What an account may do to files, and which directory keeps it out.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace momento {

struct Account {
    uid_t user = 0;
    std::vector<gid_t> groups;
};

// What this process may reach, as the kernel says: the first directory on the way to `path`
// that it cannot enter. Empty if there is none, or something else is wrong.
std::string closed_directory(const std::string& path);

// The same for another account, as modes say: for a master that asks for its workers. Where
// an access control list says more nothing is closed.
std::string closed_directory(const std::string& path, const Account& account);

// What to say of a closed one, behind "workers".
std::string may_not_enter(const std::string& closed);

bool may_read(const std::string& file, const Account& account);

}  // namespace momento
