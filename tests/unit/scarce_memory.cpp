#include "scarce_memory.h"

#include <new>

namespace {

thread_local size_t left = 0;  // until one is refused; 0: none is

[[maybe_unused]] bool is_refused() {
    return left != 0 && --left == 0;
}

}  // namespace

#ifndef MOMENTO_MEMORY_IS_THE_SANITIZERS

void* operator new(size_t size, const std::nothrow_t&) noexcept {
    if (is_refused()) return nullptr;
    try {
        return operator new(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void* operator new[](size_t size, const std::nothrow_t&) noexcept {
    if (is_refused()) return nullptr;
    try {
        return operator new[](size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

#endif

namespace momento {

ScarceMemory::ScarceMemory(size_t which) {
    left = which;
}
ScarceMemory::~ScarceMemory() {
    left = 0;
}

}  // namespace momento
