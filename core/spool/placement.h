// Whether a directory is a good place for a spool. Called in the master, while it starts, reads
// its configuration again or only tests it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace momento {

// What threatens events at `path`, as warnings for the operator: its file system forgets
// (tmpfs, overlayfs), or is on the network, where locks and syncs are another machine's
// promise; its disk is smaller than `size`, in bytes, that one log may have. Empty if all
// seems well, or nothing can be said.
//
// Told from the mount table: what is on the network, or behind FUSE, is never asked, since it
// may not answer.
std::vector<std::string> doubt_placement(const std::string& path, uint64_t size);

// The same with another mount table, as /proc/self/mountinfo has it (proc(5)).
std::vector<std::string> doubt_placement(const std::string& path, uint64_t size,
                                         std::string_view mount_table);

}  // namespace momento
