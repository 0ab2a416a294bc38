// Whether a directory is a good place for a spool. Called when a gateway starts; blocks as
// long as statfs() does.
#pragma once

#include <optional>
#include <string>

namespace momento {

// What threatens events at `path`, as a warning for the operator: its file system forgets
// (tmpfs, overlayfs), or is on the network, where locks and syncs are another machine's
// promise. Nothing if all seems well, or nothing can be said.
std::optional<std::string> doubt_placement(const std::string& path);

}  // namespace momento
