// Threads for what may hang: as many as hang, and one more.
//
// Work is given to a thread that has none, or to a new one, so nothing waits for another one's
// end. Threads stay when their work is done. One that is stuck in the kernel at the process's
// end keeps ThreadGroup::join() from succeeding, and nothing else from ending.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "base/errands.h"
#include "gateway/threads.h"

namespace momento {

class ThreadCrew final : public Crew {
  public:
    explicit ThreadCrew(ThreadGroup& threads) : threads_(threads) {}

    bool take(std::function<void()> work) override;

    // Each thread ends with the work it has. From any thread.
    void retire();

  private:
    struct Desk {
        std::mutex mutex;
        std::condition_variable bell;
        std::deque<std::function<void()>> works;  // of each there is a thread that waits
        size_t waiting = 0;
        bool is_retired = false;
    };

    static void serve(Desk& desk);

    ThreadGroup& threads_;
    const std::shared_ptr<Desk> desk_ = std::make_shared<Desk>();
};

}  // namespace momento
