// Memory that this thread asks for and does not get. For `new (std::nothrow)` alone, as
// simdjson has it: whoever made it must look.
#pragma once

#include <cstddef>

namespace momento {

// While it lives, the `which`-th request from now on (1: the next one) is refused.
class ScarceMemory {
  public:
    explicit ScarceMemory(size_t which);
    ~ScarceMemory();
    ScarceMemory(const ScarceMemory&) = delete;
    ScarceMemory& operator=(const ScarceMemory&) = delete;
};

}  // namespace momento
