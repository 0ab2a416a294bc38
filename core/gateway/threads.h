// The threads of one worker process, and the bounded end of them.
//
// Every thread starts with all signals blocked: nginx's handlers must run on the event
// loop. An exception that reaches the end of a thread's body is logged and ends the thread;
// the group's owner hears of it, so that it never ends alone.
#pragma once

#include <atomic>
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
    using Body = std::function<void()>;

    // Makes a thread that runs the body, or throws: std::thread's constructor.
    using Create = std::function<std::thread(Body)>;

    // `failed` is called from a thread that ends by an exception; it must not block or throw.
    explicit ThreadGroup(Logger& logger, std::function<void()> failed = {}, Create create = {});

    // False if the system has no thread to give, or no memory. `name` is at most 15 bytes.
    // From the owner's thread and from those of the group. Holds no lock while the system
    // makes the thread.
    bool start(const char* name, Body body);

    // Waits until all have ended, and joins them; false if one is still running then. By the
    // owner.
    bool join(std::chrono::steady_clock::time_point deadline);

    // Whether one has ended by an exception. From any thread.
    bool has_failed() const { return has_failed_.load(std::memory_order_acquire); }

  private:
    struct Entry {
        std::thread thread;  // until it is joined; not at once
        bool ended = false;  // or never began
    };
    using Entries = std::list<Entry>;

    void run(Entry& entry, const Body& body);
    void tell(const char* what) noexcept;
    Entries take_ended();

    Logger& logger_;
    const std::function<void()> failed_;
    const Create create_;
    std::atomic<bool> has_failed_{false};

    std::mutex mutex_;
    std::condition_variable ended_;
    Entries entries_;
};

// A seat whose writer is stepped by a thread of its own, started with the first wake-up.
std::unique_ptr<WriterSeat> make_thread_seat(ThreadGroup& threads);

}  // namespace momento
