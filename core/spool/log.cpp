#include "spool/log.h"

#include <algorithm>
#include <utility>

namespace momento {

Log::Log(std::function<void()> wake_writer, std::function<void()> wake_reader)
    : appends_(wake_writer),
      releases_(wake_writer),
      requeues_(std::move(wake_writer)),
      wake_reader_(std::move(wake_reader)) {}

std::vector<Extent> Log::extents_from(uint64_t segment, size_t most) const {
    std::lock_guard lock(mutex_);
    auto first = std::lower_bound(
        extents_.begin(), extents_.end(), segment,
        [](const Extent& extent, uint64_t number) { return extent.segment < number; });
    auto count = std::min(most, static_cast<size_t>(extents_.end() - first));
    return {first, first + static_cast<ptrdiff_t>(count)};
}

std::shared_ptr<const CursorState> Log::opened_at() const {
    std::lock_guard lock(mutex_);
    return opened_at_;
}

std::shared_ptr<Directory> Log::directory() const {
    std::lock_guard lock(mutex_);
    return directory_;
}

LogNumbers Log::numbers() const {
    std::lock_guard lock(mutex_);
    return numbers_;
}

}  // namespace momento
