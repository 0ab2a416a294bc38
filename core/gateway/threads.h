// The threads of one worker process, and the bounded end of them.
//
// Every thread starts with all signals blocked: nginx's handlers must run on the event
// loop. An exception that reaches the end of a thread's body is logged and ends the thread,
// not the process.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/logger.h"
#include "gateway/engine.h"

namespace momento {

class ThreadGroup {
  public:
    explicit ThreadGroup(Logger& logger) : logger_(logger) {}

    // False if the system has no thread to give. `name` is at most 15 bytes.
    bool start(const char* name, std::function<void()> body);

    // Waits until all have ended, and joins them; false if one is still running then.
    bool join(std::chrono::steady_clock::time_point deadline);

  private:
    struct Entry {
        std::thread thread;
        bool ended = false;
    };

    Logger& logger_;
    std::mutex mutex_;
    std::condition_variable ended_;
    std::list<Entry> entries_;
};

// A seat whose writer is stepped by a thread of its own, started with the first wake-up.
std::unique_ptr<WriterSeat> make_thread_seat(ThreadGroup& threads);

}  // namespace momento
