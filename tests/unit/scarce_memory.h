// Memory that this thread asks for and does not get. For `new (std::nothrow)` alone, as
// simdjson has it: whoever made it must look.
#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MOMENTO_MEMORY_IS_THE_SANITIZERS
#endif
#endif

namespace momento {

// Not where the linker takes the sanitizer's `operator new` for one of two.
#ifdef MOMENTO_MEMORY_IS_THE_SANITIZERS
inline constexpr bool can_be_scarce = false;
#else
inline constexpr bool can_be_scarce = true;
#endif

// While it lives, the `which`-th request from now on (1: the next one) is refused.
class ScarceMemory {
  public:
    explicit ScarceMemory(size_t which);
    ~ScarceMemory();
    ScarceMemory(const ScarceMemory&) = delete;
    ScarceMemory& operator=(const ScarceMemory&) = delete;
};

}  // namespace momento
