// Forms batches of the entries that are ready, oldest first.
//
// A batch leaves at once if there is nothing to wait for; otherwise when it is full, by
// number or by size, or when its oldest entry has waited `linger`. While less than that has
// passed since a full one left, there is something to wait for: events are many, and
// requests that are not full cost as much. Parts of a batch that was refused as a whole leave
// before everything else, as they are. What travels alone takes turns with the batches.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "delivery/entry.h"

namespace momento {

class Batcher {
  public:
    Batcher(BatchLimits limits, int64_t linger_ms)
        : limits_(limits), linger_us_(linger_ms * 1000), full_left_us_(-linger_us_) {}

    void add(Entry* entry, int64_t now_us);

    // A batch of its own.
    void add_alone(Entry* entry, int64_t now_us);

    // Two batches of its halves. `batch` has two entries or more.
    void split(const std::vector<Entry*>& batch);

    // As many batches as it has entries.
    void take_apart(const std::vector<Entry*>& batch);

    bool empty() const { return ready_.empty() && parts_.empty() && alone_.empty(); }
    bool has_parts() const { return !parts_.empty(); }

    // The next part of a batch, or none.
    std::vector<Entry*> take_part();

    // One entry, at once: to find out whether anything gets through. The oldest and the newest
    // in turns: what is refused may be all that is old.
    std::vector<Entry*> take_probe();

    // The next batch, or none yet.
    std::vector<Entry*> take(int64_t now_us, bool at_once);

    // When take() will have one without a change. Not for an empty batcher.
    int64_t leaves_us(bool at_once) const;

  private:
    // How many of the oldest make the next batch, and whether no more fit in.
    size_t measure(bool& full) const;

    // When the oldest leaves in a batch that is not full.
    int64_t unfilled_leaves_us(bool at_once) const;

    const BatchLimits limits_;
    const int64_t linger_us_;
    int64_t full_left_us_;
    std::deque<Entry*> ready_;
    std::deque<std::vector<Entry*>> parts_;
    std::deque<Entry*> alone_;
    bool batch_is_next_ = false;
    bool newest_is_next_ = false;
};

}  // namespace momento
