#include "base/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/descriptor.h"

namespace momento {

Result<std::string> read_file(const std::string& path, size_t limit) {
    Descriptor file(
        retry([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
    if (!file) return system_error("cannot open \"" + path + "\"");

    struct stat info {};
    if (fstat(file.get(), &info) != 0) return system_error("cannot read \"" + path + "\"");
    if (!S_ISREG(info.st_mode)) return Error{"\"" + path + "\" is not a regular file"};

    std::string content;
    // The size is a hint only: /proc says 0, and the file may be growing. One byte more than
    // allowed tells "exactly full" from "too long".
    size_t step =
        std::min(std::max<size_t>(static_cast<size_t>(info.st_size) + 1, 512), limit + 1);
    for (size_t length = 0;;) {
        if (length > limit) {
            return Error{"\"" + path + "\" is longer than " + std::to_string(limit) + " bytes"};
        }
        content.resize(std::min(length + step, limit + 1));
        ssize_t n = retry(
            [&] { return read(file.get(), content.data() + length, content.size() - length); });
        if (n < 0) return system_error("cannot read \"" + path + "\"");
        length += static_cast<size_t>(n);
        if (n == 0) {
            content.resize(length);
            return content;
        }
    }
}

}  // namespace momento
