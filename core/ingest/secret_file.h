// Whether the file of a secret is kept as one. Called while the configuration is read; blocks
// as long as stat() does.
#pragma once

#include <optional>
#include <string>

namespace momento {

// Who besides its owner can get at the secret at `path`, as a warning for the operator:
// everybody reads it, or somebody else can replace it. A group that may read it, as that of
// the workers, is in order. Nothing if all seems well, or nothing can be said.
std::optional<std::string> doubt_secret_file(const std::string& path);

}  // namespace momento
