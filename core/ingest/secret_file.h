// What is odd about a secret, or about the file that holds one: no errors, but warnings for the
// operator, which never quote it. Called while the configuration is read; blocks as long as
// stat() does.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ingest/secrets.h"

namespace momento {

// Who besides its owner can get at the secret at `path`, as a warning for the operator:
// everybody reads it, or somebody else can replace it. A group that may read it, as that of
// the workers, is in order. Nothing if all seems well, or nothing can be said.
std::optional<std::string> doubt_secret_file(const std::string& path);

// A secret of which nobody would mean every byte: one given itself that looks like a source or
// a variable; one with blanks at an end, control characters or a byte order mark; one in quotes
// or behind its name ("NAME=VALUE"); JSON that cannot be read. With it each webhook would be
// refused as forged. And one of a single byte, which anybody can guess.
std::optional<std::string> doubt_secret(const SecretSource& source, std::string_view value);

}  // namespace momento
