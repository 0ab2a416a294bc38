// Finds out whether a destination is closed, or only to some of its entries: a batch that was
// held for a reason that may be one entry's is taken apart, and each of its entries is sent
// alone: of ten that makes 11 requests, with the first. Meanwhile nothing else is sent, until
// one gets through. If none does the destination is on hold.
//
// Belongs to the delivery thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delivery/entry.h"

namespace momento {

class Trial {
  public:
    bool active() const { return left_ > 0; }
    bool undecided() const { return active() && !open_; }
    size_t size() const { return size_; }
    bool is_part(const Entry& entry) const { return active() && entry.trial == number_; }

    void begin(const std::vector<Entry*>& parts) {
        ++number_;
        for (Entry* entry : parts) entry->trial = number_;
        size_ = parts.size();
        left_ = size_;
        open_ = false;
    }

    // Something got through, or was judged: no hold.
    void passed() { open_ = true; }

    // A part has come back. True if it was the last one, and none got through.
    bool part_returned(Entry& entry) {
        entry.trial = 0;
        --left_;
        return left_ == 0 && !open_;
    }

    // Something else has decided; parts that are still out mean nothing any more.
    void end() { left_ = 0; }

  private:
    uint64_t number_ = 0;
    size_t size_ = 0;
    size_t left_ = 0;
    bool open_ = false;
};

}  // namespace momento
