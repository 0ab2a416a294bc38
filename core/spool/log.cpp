#include "spool/log.h"

#include <algorithm>
#include <utility>

namespace momento {

Log::Log(std::function<void()> wake_writer, std::function<void()> wake_reader)
    : appends_(wake_writer),
      requeues_(wake_writer),
      wake_writer_(std::move(wake_writer)),
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

void Log::publish_slot(std::shared_ptr<Directory> directory, const CursorState& opened_at) {
    auto state = std::make_shared<const CursorState>(opened_at);
    std::lock_guard lock(mutex_);
    directory_ = std::move(directory);
    opened_at_ = std::move(state);
}

void Log::publish(const LogNumbers& numbers, uint64_t base_sequence,
                  const std::deque<LogSegment>* segments) {
    bool base_moved = base_sequence_.exchange(base_sequence) != base_sequence;
    {
        std::lock_guard lock(mutex_);
        numbers_ = numbers;
        if (segments != nullptr) {
            bool same = !segments->empty() && extents_.size() == segments->size() &&
                        extents_.back().segment == segments->back().extent.segment;
            if (same) {
                extents_.back() = segments->back().extent;  // all that can have changed
            } else {
                extents_.clear();
                for (const LogSegment& each : *segments) extents_.push_back(each.extent);
            }
        }
    }
    if (segments != nullptr || base_moved) version_.fetch_add(1, std::memory_order_acq_rel);
}

}  // namespace momento
