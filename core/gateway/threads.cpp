#include "gateway/threads.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <new>
#include <utility>

#include "base/semaphore.h"

namespace momento {
namespace {

// Blocks all signals, for threads that are made meanwhile.
class WithoutSignals {
  public:
    WithoutSignals() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~WithoutSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    WithoutSignals(const WithoutSignals&) = delete;
    WithoutSignals& operator=(const WithoutSignals&) = delete;

  private:
    sigset_t before_;
};

std::thread create_thread(ThreadGroup::Body body) {
    return std::thread(std::move(body));
}

// What the seat and its thread share; whichever lets go last drops it.
struct WriterDesk {
    std::unique_ptr<Writer> writer;  // the thread's, once it runs
    std::atomic<bool> woken{false};  // and has not begun a step since
    std::atomic<bool> retired{false};
    Semaphore bell;
};

void step_until_retired(WriterDesk& desk) {
    // Its slot is given back with it, however this ends: as after a crash.
    const std::unique_ptr<Writer> writer = std::move(desk.writer);
    while (!desk.retired.load()) {
        desk.woken.store(false);
        while (writer->step()) {
        }
        desk.bell.wait(Writer::step_interval_ms);
    }
    writer->finish();
}

class ThreadSeat final : public WriterSeat {
  public:
    explicit ThreadSeat(ThreadGroup& threads) : threads_(threads) {}

    void run(std::unique_ptr<Writer> writer) override {
        desk_->writer = std::move(writer);
        state_.store(State::waits);
    }

    void wake() override {
        if (state_.load() == State::waits) start();
        if (!desk_->woken.exchange(true)) desk_->bell.post();
    }

    bool is_served() const override { return state_.load() == State::served; }

    void retire() override {
        desk_->retired.store(true);
        desk_->bell.post();
        drop_if_unserved();
    }

  private:
    enum class State {
        empty,
        waits,     // the writer, for a thread
        starting,  // by whoever made it so
        served,
        dropped,
    };

    // Tried again with every wake-up if the system had no thread to give.
    void start() {
        if (!moves(State::waits, State::starting)) return;
        bool is_started = false;
        try {
            is_started =
                threads_.start("momento-writer", [desk = desk_] { step_until_retired(*desk); });
        } catch (const std::bad_alloc&) {
            is_started = false;
        }
        state_.store(is_started ? State::served : State::waits);
        if (desk_->retired.load()) drop_if_unserved();
    }

    // The writer has its log, and by it this seat: somebody has to let go.
    void drop_if_unserved() {
        if (!moves(State::waits, State::dropped)) return;
        const std::unique_ptr<Writer> writer = std::move(desk_->writer);
    }

    bool moves(State from, State to) { return state_.compare_exchange_strong(from, to); }

    ThreadGroup& threads_;
    std::shared_ptr<WriterDesk> desk_ = std::make_shared<WriterDesk>();
    std::atomic<State> state_{State::empty};
};

}  // namespace

ThreadGroup::ThreadGroup(Logger& logger, std::function<void()> failed, Create create)
    : logger_(logger),
      failed_(std::move(failed)),
      create_(create ? std::move(create) : create_thread) {}

bool ThreadGroup::start(const char* name, Body body) {
    // Those that ended meanwhile (writers of adopted logs) are joined here.
    for (Entry& ended : take_ended()) ended.thread.join();

    Entries::iterator entry;
    try {
        std::lock_guard lock(mutex_);
        entry = entries_.emplace(entries_.end());
    } catch (const std::bad_alloc& e) {
        tell(e.what());
        return false;
    }
    try {
        std::thread thread;
        {
            const WithoutSignals guard;
            thread = create_([this, entry, body = std::move(body)] { run(*entry, body); });
        }
        pthread_setname_np(thread.native_handle(), name);
        std::lock_guard lock(mutex_);
        entry->thread = std::move(thread);
        return true;
    } catch (const std::exception& e) {  // no thread, or no memory for one
        {
            std::lock_guard lock(mutex_);
            entries_.erase(entry);
        }
        tell(e.what());
        return false;
    }
}

void ThreadGroup::run(Entry& entry, const Body& body) {
    const auto fail = [this](const char* what) {
        try {
            logger_.write(Severity::alert, std::string("a thread ended: ") + what);
        } catch (const std::bad_alloc&) {
            // Whoever hears of it says more.
        }
        has_failed_.store(true, std::memory_order_release);
        if (failed_) failed_();
    };
    try {
        body();
    } catch (const std::exception& e) {
        fail(e.what());
    } catch (...) {
        fail("unknown exception");
    }
    std::lock_guard ending(mutex_);
    entry.ended = true;
    ended_.notify_all();
}

void ThreadGroup::tell(const char* what) noexcept {
    try {
        logger_.write(Severity::alert, std::string("cannot start a thread: ") + what);
    } catch (const std::bad_alloc&) {
        // Nor can that be said.
    }
}

// One whose starter has not put its thread here yet is left for the next time.
ThreadGroup::Entries ThreadGroup::take_ended() {
    Entries ended;
    std::lock_guard lock(mutex_);
    for (auto it = entries_.begin(); it != entries_.end();) {
        const auto next = std::next(it);
        if (it->ended && it->thread.joinable()) ended.splice(ended.end(), entries_, it);
        it = next;
    }
    return ended;
}

// Whoever starts another one meanwhile may join, and drop, what has ended: so all are looked at
// again after each wait.
bool ThreadGroup::join(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    const auto have_ended = [this] {
        return std::all_of(entries_.begin(), entries_.end(),
                           [](const Entry& entry) { return entry.ended; });
    };
    if (!ended_.wait_until(lock, deadline, have_ended)) return false;
    // An ended thread needs the mutex no more, only its last instructions.
    for (Entry& entry : entries_) entry.thread.join();
    entries_.clear();
    return true;
}

std::unique_ptr<WriterSeat> make_thread_seat(ThreadGroup& threads) {
    return std::make_unique<ThreadSeat>(threads);
}

}  // namespace momento
