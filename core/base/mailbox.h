// The only way data crosses from one thread to another.
//
// Any thread posts; one thread takes. The owner is woken once per batch: only the post
// that finds the box empty calls `wake`. `wake` must not block (a doorbell, a semaphore).
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace momento {

template <class T>
class Mailbox {
  public:
    explicit Mailbox(std::function<void()> wake = {}) : wake_(std::move(wake)) {}

    void post(T item) {
        bool was_empty;
        {
            std::lock_guard lock(mutex_);
            was_empty = items_.empty();
            items_.push_back(std::move(item));
        }
        if (was_empty && wake_) wake_();
    }

    // Everything posted so far, oldest first. The vector's capacity is swapped in, so a
    // caller that keeps its vector makes posting free of allocations.
    void take(std::vector<T>& items) {
        items.clear();
        std::lock_guard lock(mutex_);
        items.swap(items_);
    }

    bool empty() const {
        std::lock_guard lock(mutex_);
        return items_.empty();
    }

  private:
    mutable std::mutex mutex_;
    std::vector<T> items_;
    std::function<void()> wake_;
};

}  // namespace momento
