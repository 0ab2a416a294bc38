#include "gateway/threads.h"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <exception>
#include <utility>

#include "base/semaphore.h"

namespace momento {
namespace {

// What the seat and its thread share; whichever lets go last drops it.
struct WriterDesk {
    std::unique_ptr<Writer> writer;  // the thread's, once it runs
    std::atomic<bool> woken{false};  // and has not begun a step since
    std::atomic<bool> retired{false};
    Semaphore bell;
};

void step_until_retired(WriterDesk& desk) {
    while (!desk.retired.load()) {
        desk.woken.store(false);
        while (desk.writer->step()) {
        }
        desk.bell.wait(Writer::step_interval_ms);
    }
    desk.writer->finish();
    desk.writer.reset();
}

class ThreadSeat final : public WriterSeat {
  public:
    explicit ThreadSeat(ThreadGroup& threads) : threads_(threads) {}

    void run(std::unique_ptr<Writer> writer) override {
        std::lock_guard lock(starting_);
        desk_->writer = std::move(writer);
    }

    void wake() override {
        if (!started_.load()) start();
        if (!desk_->woken.exchange(true)) desk_->bell.post();
    }

    bool is_served() const override { return started_.load(); }

    void retire() override {
        desk_->retired.store(true);
        desk_->bell.post();
    }

  private:
    // Tried again with every wake-up if the system had no thread to give.
    void start() {
        std::lock_guard lock(starting_);
        if (started_.load() || !desk_->writer) return;
        started_.store(
            threads_.start("momento-writer", [desk = desk_] { step_until_retired(*desk); }));
    }

    ThreadGroup& threads_;
    std::shared_ptr<WriterDesk> desk_ = std::make_shared<WriterDesk>();
    std::mutex starting_;
    std::atomic<bool> started_{false};
};

}  // namespace

bool ThreadGroup::start(const char* name, std::function<void()> body) {
    std::lock_guard lock(mutex_);
    // Those that ended meanwhile (writers of adopted logs) are joined here.
    entries_.remove_if([](Entry& entry) {
        if (entry.ended) entry.thread.join();
        return entry.ended;
    });

    Entry& entry = entries_.emplace_back();
    auto run = [this, &entry, body = std::move(body)] {
        try {
            body();
        } catch (const std::exception& e) {
            logger_.write(Severity::alert, std::string("a thread ended: ") + e.what());
        } catch (...) {
            logger_.write(Severity::alert, "a thread ended: unknown exception");
        }
        std::lock_guard ending(mutex_);
        entry.ended = true;
        ended_.notify_all();
    };

    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = true;
    try {
        entry.thread = std::thread(std::move(run));
        pthread_setname_np(entry.thread.native_handle(), name);
    } catch (const std::exception& e) {  // no thread, or no memory for one
        started = false;
        entries_.pop_back();
        logger_.write(Severity::alert, std::string("cannot start a thread: ") + e.what());
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
}

bool ThreadGroup::join(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    for (Entry& entry : entries_) {
        if (!ended_.wait_until(lock, deadline, [&entry] { return entry.ended; })) return false;
    }
    // An ended thread needs the mutex no more, only its last instructions.
    for (Entry& entry : entries_) entry.thread.join();
    entries_.clear();
    return true;
}

std::unique_ptr<WriterSeat> make_thread_seat(ThreadGroup& threads) {
    return std::make_unique<ThreadSeat>(threads);
}

}  // namespace momento
