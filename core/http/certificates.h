// Files of certificates to trust. Reads one file: while the configuration is read.
#pragma once

#include <string>

#include "base/result.h"

namespace momento {

// The error says why the file is of no use.
Status check_certificates(const std::string& path);

}  // namespace momento
