#include "spool/placement.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <deque>
#include <fstream>
#include <iterator>
#include <sstream>

namespace momento {

namespace {

constexpr char mount_table_file[] = "/proc/self/mountinfo";

constexpr char forgets_machine[] = "its events do not survive a restart of the machine";
constexpr char forgets_container[] = "its events do not survive the container, use a volume";
constexpr char on_network[] = "locks and syncs may not hold there, use a local disk";

struct FileSystemType {
    std::string_view name;  // a type itself, or what begins it (with a dot at its end)
    const char* doubt;
};

// As the kernel names them in the mount table.
constexpr std::array<FileSystemType, 19> doubtful = {{
    {"tmpfs", forgets_machine},  {"ramfs", forgets_machine}, {"overlay", forgets_container},
    {"aufs", forgets_container}, {"nfs", on_network},        {"nfs4", on_network},
    {"cifs", on_network},        {"smb3", on_network},       {"smbfs", on_network},
    {"ceph", on_network},        {"afs", on_network},        {"9p", on_network},
    {"gfs2", on_network},        {"ocfs2", on_network},      {"lustre", on_network},
    {"glusterfs", on_network},   {"virtiofs", on_network},   {"fuse", on_network},
    {"fuse.", on_network},
}};

struct Mount {
    std::string point;
    std::string type;
};

const FileSystemType* doubt_of(const Mount& mount) {
    const auto* type =
        std::find_if(doubtful.begin(), doubtful.end(), [&mount](const FileSystemType& t) {
            const bool is_family = t.name.back() == '.';
            return is_family ? mount.type.compare(0, t.name.size(), t.name) == 0
                             : mount.type == t.name;
        });
    return type == doubtful.end() ? nullptr : type;
}

bool may_hang(const Mount& mount) {
    const FileSystemType* type = doubt_of(mount);
    return type != nullptr && type->doubt == on_network;
}

// "\040" is a blank.
std::string unescape(const std::string& field) {
    std::string text;
    for (size_t i = 0; i < field.size(); ++i) {
        if (field[i] == '\\' && i + 3 < field.size()) {
            text += static_cast<char>(std::stoi(field.substr(i + 1, 3), nullptr, 8));
            i += 3;
        } else {
            text += field[i];
        }
    }
    return text;
}

// 36 35 98:0 /root /mount/point rw,noatime master:1 - ext3 /dev/root rw
std::vector<Mount> read_mounts(std::string_view table) {
    std::vector<Mount> mounts;
    std::istringstream lines{std::string(table)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        const std::vector<std::string> words{std::istream_iterator<std::string>(fields), {}};
        const auto dash = std::find(words.begin(), words.end(), "-");
        if (words.size() < 5 || words.end() - dash < 2) continue;
        mounts.push_back({unescape(words[4]), *(dash + 1)});
    }
    return mounts;
}

bool is_below(const std::string& path, const std::string& directory) {
    if (directory == "/") return true;
    const bool begins = path.compare(0, directory.size(), directory) == 0;
    return begins && (path.size() == directory.size() || path[directory.size()] == '/');
}

// The deepest one, and of those at one place the last, which hides the others.
Mount mount_of(const std::string& path, const std::vector<Mount>& mounts) {
    Mount found;
    for (const Mount& mount : mounts) {
        if (mount.point.size() >= found.point.size() && is_below(path, mount.point)) {
            found = mount;
        }
    }
    return found;
}

std::deque<std::string> split(const std::string& path) {
    std::deque<std::string> names;
    std::istringstream parts(path);
    for (std::string name; std::getline(parts, name, '/');) {
        if (!name.empty() && name != ".") names.push_back(name);
    }
    return names;
}

// The path without symbolic links, as far as it may be looked at.
std::string follow_links(const std::string& path, const std::vector<Mount>& mounts) {
    constexpr int most_links = 40;  // as the kernel
    std::string real;
    auto rest = split(path);
    for (int links = 0; !rest.empty();) {
        const std::string name = rest.front();
        rest.pop_front();
        if (name == "..") {
            real.resize(std::min(real.rfind('/'), real.size()));
            continue;
        }
        const std::string next = real + '/' + name;
        char target[PATH_MAX];
        // A mount's root is no link, and may not answer.
        const bool may_ask = mount_of(next, mounts).point != next &&
                             !may_hang(mount_of(real.empty() ? "/" : real, mounts));
        const ssize_t length = may_ask ? readlink(next.c_str(), target, sizeof target) : -1;
        if (length <= 0 || ++links > most_links) {
            real = next;
            continue;
        }
        const std::string link(target, static_cast<size_t>(length));
        if (link.front() == '/') real.clear();
        const auto names = split(link);
        rest.insert(rest.begin(), names.begin(), names.end());
    }
    return real.empty() ? "/" : real;
}

std::string megabytes(uint64_t bytes) {
    return std::to_string(bytes >> 20) + " MB";
}

}  // namespace

std::vector<std::string> doubt_placement(const std::string& path, uint64_t size,
                                         std::string_view mount_table) {
    const std::vector<Mount> mounts = read_mounts(mount_table);
    const Mount mount = mount_of(follow_links(path, mounts), mounts);
    if (mount.point.empty()) return {};

    std::vector<std::string> doubts;
    const std::string spool = "spool \"" + path + "\" is on ";
    if (const FileSystemType* type = doubt_of(mount)) {
        doubts.push_back(spool + mount.type + ": " + type->doubt);
    }
    struct statvfs disk {};
    if (may_hang(mount) || statvfs(path.c_str(), &disk) != 0) return doubts;
    const uint64_t room = uint64_t{disk.f_blocks} * disk.f_frsize;
    if (room > 0 && room < size) {
        doubts.push_back(spool + "a disk of " + megabytes(room) +
                         ", smaller than its \"size\" (" + megabytes(size) +
                         "), which each log may have: the disk will be full first");
    }
    return doubts;
}

std::vector<std::string> doubt_placement(const std::string& path, uint64_t size) {
    std::ifstream file(mount_table_file);
    const std::string table{std::istreambuf_iterator<char>(file), {}};
    return doubt_placement(path, size, table);
}

}  // namespace momento
