#include "delivery/batcher.h"

#include <algorithm>
#include <utility>

namespace momento {

void Batcher::add(Entry* entry, int64_t now_us) {
    entry->ready_us = now_us;
    ready_.push_back(entry);
}

void Batcher::split(const std::vector<Entry*>& batch) {
    auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
    halves_.emplace_back(batch.begin(), middle);
    halves_.emplace_back(middle, batch.end());
}

size_t Batcher::measure(bool& full) const {
    size_t count = 0;
    size_t bytes = 0;
    full = true;
    for (const Entry* entry : ready_) {
        if (count == limits_.entries) return count;
        bytes += entry->size;
        if (count > 0 && bytes > limits_.bytes) return count;  // one alone goes whatever it is
        ++count;
    }
    full = count == limits_.entries || bytes >= limits_.bytes;
    return count;
}

std::vector<Entry*> Batcher::take(int64_t now_us, bool at_once) {
    std::vector<Entry*> batch;
    if (!halves_.empty()) {
        batch = std::move(halves_.front());
        halves_.pop_front();
        return batch;
    }
    bool full = false;
    size_t count = measure(full);
    if (count == 0) return batch;
    if (full) {
        full_left_us_ = now_us;
    } else if (now_us < unfilled_leaves_us(at_once)) {
        return batch;
    }
    auto end = ready_.begin() + static_cast<std::ptrdiff_t>(count);
    batch.assign(ready_.begin(), end);
    ready_.erase(ready_.begin(), end);
    return batch;
}

int64_t Batcher::leaves_us(bool at_once) const {
    bool full = false;
    if (!halves_.empty() || (measure(full), full)) return 0;
    return unfilled_leaves_us(at_once);
}

int64_t Batcher::unfilled_leaves_us(bool at_once) const {
    const int64_t since_us = ready_.front()->ready_us;
    return linger_us_ + (at_once ? std::min(since_us, full_left_us_) : since_us);
}

}  // namespace momento
