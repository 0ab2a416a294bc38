#include "delivery/batcher.h"

#include <algorithm>
#include <utility>

namespace momento {

void Batcher::add(Entry* entry, int64_t now_us) {
    entry->ready_us = now_us;
    ready_.push_back(entry);
}

void Batcher::add_alone(Entry* entry, int64_t now_us) {
    entry->ready_us = now_us;
    alone_.push_back(entry);
}

void Batcher::split(const std::vector<Entry*>& batch) {
    auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
    parts_.emplace_back(batch.begin(), middle);
    parts_.emplace_back(middle, batch.end());
}

void Batcher::take_apart(const std::vector<Entry*>& batch) {
    for (Entry* entry : batch) parts_.push_back({entry});
}

std::vector<Entry*> Batcher::take_part() {
    if (parts_.empty()) return {};
    std::vector<Entry*> part = std::move(parts_.front());
    parts_.pop_front();
    return part;
}

std::vector<Entry*> Batcher::take_probe() {
    if (!parts_.empty()) {
        std::vector<Entry*>& part = parts_.front();
        std::vector<Entry*> one{part.front()};
        part.erase(part.begin());
        if (part.empty()) parts_.pop_front();
        return one;
    }
    std::deque<Entry*>& from = ready_.empty() ? alone_ : ready_;
    if (from.empty()) return {};
    const bool takes_newest = std::exchange(newest_is_next_, !newest_is_next_);
    std::vector<Entry*> one{takes_newest ? from.back() : from.front()};
    if (takes_newest) {
        from.pop_back();
    } else {
        from.pop_front();
    }
    return one;
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
    if (!parts_.empty()) return take_part();
    std::vector<Entry*> batch;
    if (!alone_.empty() && !(batch_is_next_ && !ready_.empty())) {
        batch_is_next_ = true;
        batch.push_back(alone_.front());
        alone_.pop_front();
        return batch;
    }
    batch_is_next_ = false;
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
    if (!parts_.empty() || !alone_.empty() || (measure(full), full)) return 0;
    return unfilled_leaves_us(at_once);
}

int64_t Batcher::unfilled_leaves_us(bool at_once) const {
    const int64_t since_us = ready_.front()->ready_us;
    return linger_us_ + (at_once ? std::min(since_us, full_left_us_) : since_us);
}

}  // namespace momento
