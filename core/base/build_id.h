// Which build a piece of code is: the identification that the linker leaves in what it makes
// (a GNU build ID, a hash over all that was linked), in memory and in a file.
#pragma once

#include <string>

#include "base/result.h"

namespace momento {

struct LoadedBuild {
    std::string path;  // of the file it was loaded from, as it was called then
    std::string id;    // bytes; empty: its linker left none
};

// The module, or the program, that this function is linked into. Never fails; what cannot be
// found out is empty.
LoadedBuild loaded_build();

// Of an ELF file of this machine's kind: bytes, empty if it has none. Errors: it cannot be
// read, or is no such file. Reads the file: may hang where its file system does.
Result<std::string> build_id_of(const std::string& path);

}  // namespace momento
