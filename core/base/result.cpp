#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace momento {

Error system_error(const std::string& what) {
    int code = errno;
    return Error{what + ": " + std::generic_category().message(code), code};
}

}  // namespace momento
