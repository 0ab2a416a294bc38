#include "spool/placement.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace momento {

namespace {

constexpr char forgets_machine[] = "its events do not survive a restart of the machine";
constexpr char forgets_container[] = "its events do not survive the container, use a volume";
constexpr char on_network[] = "locks and syncs may not hold there, use a local disk";

struct FileSystemType {
    unsigned long magic;
    const char* name;
    const char* doubt;
};

// statfs(2) lists the numbers; <linux/magic.h> has most of them.
constexpr std::array<FileSystemType, 11> doubtful = {{
    {TMPFS_MAGIC, "tmpfs", forgets_machine},
    {RAMFS_MAGIC, "ramfs", forgets_machine},
    {OVERLAYFS_SUPER_MAGIC, "overlayfs", forgets_container},
    {NFS_SUPER_MAGIC, "nfs", on_network},
    {0xff534d42, "cifs", on_network},
    {0xfe534d42, "smb", on_network},
    {CEPH_SUPER_MAGIC, "ceph", on_network},
    {AFS_SUPER_MAGIC, "afs", on_network},
    {V9FS_MAGIC, "9p", on_network},
    {0x01161970, "gfs2", on_network},
    {0x7461636f, "ocfs2", on_network},
}};

}  // namespace

std::optional<std::string> doubt_placement(const std::string& path) {
    struct statfs status {};
    if (statfs(path.c_str(), &status) != 0) return std::nullopt;

    // 32 bits: some architectures extend the sign.
    const auto magic = static_cast<unsigned long>(static_cast<uint32_t>(status.f_type));
    auto type = std::find_if(doubtful.begin(), doubtful.end(),
                             [magic](const FileSystemType& t) { return t.magic == magic; });
    if (type == doubtful.end()) return std::nullopt;
    return "spool \"" + path + "\" is on " + type->name + ": " + type->doubt;
}

}  // namespace momento
