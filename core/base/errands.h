// What may hang, done on a thread that nobody waits for: a file that is not the spool's may be
// on a dead mount, a pipe that nobody reads, a disk that takes seconds.
//
// Errands belong to one thread, the delivery thread, which starts them and hears of them in
// step(). Each is done beside all others by a Crew. One that has not come back after 5 s is
// told of, once, and once more when it does. What an errand uses belongs to it (values,
// shared_ptr): its owner may be gone when it comes back.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/logger.h"
#include "base/mailbox.h"

namespace momento {

// Whoever does the work; from the errands' thread.
class Crew {
  public:
    virtual ~Crew() = default;

    // Does it soon, whatever else hangs. Never throws from `work`. False: there is nobody to do
    // it now, and nothing of it was done.
    virtual bool take(std::function<void()> work) = 0;
};

// For the log: WAITER has waited 5 s for MATTER: REMEDY.
struct ErrandName {
    std::string waiter;  // destination "bus"
    std::string matter;  // "/var/log/events.json" to take its lines
    std::string remedy;  // what a person can do
};

class Errands {
  public:
    // `wake`, from any thread: step() has something to do. It, crew and logger outlive
    // whatever is under way.
    Errands(const Clock& clock, Logger& logger, Crew& crew, std::function<void()> wake);
    ~Errands();

    // `work` runs elsewhere, then `done` from inside step(), with what it returned; never if
    // that is not called any more. If there is nobody to do it, it is offered again once a
    // second.
    template <class T>
    void start(ErrandName name, std::function<T()> work, std::function<void(T)> done) {
        auto result = std::make_shared<std::optional<T>>();
        add(
            std::move(name), [result, work = std::move(work)] { result->emplace(work()); },
            [result, done = std::move(done)] { done(std::move(**result)); });
    }

    // Once per turn of the thread, and at least once a second. An exception of an errand's work
    // comes out here.
    void step();

  private:
    struct Errand;
    struct Returned {
        uint64_t number = 0;
        std::exception_ptr trouble;
    };
    using Box = Mailbox<Returned>;

    void add(ErrandName name, std::function<void()> work, std::function<void()> done);
    void offer(Errand& errand);
    void take(Returned returned);
    void report_waiting();

    const Clock& clock_;
    Logger& logger_;
    Crew& crew_;
    const std::shared_ptr<Box> box_;  // those that come back too late find it, too
    std::list<Errand> under_way_;     // the oldest first
    std::vector<Returned> returned_;  // kept for its capacity
    uint64_t last_number_ = 0;
    int64_t offered_again_us_ = 0;  // steady clock; not before that
};

// As Errands::start(); without `errands` in place, `done` too: for whoever keeps nobody
// waiting.
template <class T>
void run_elsewhere(Errands* errands, ErrandName name, std::function<T()> work,
                   std::function<void(T)> done) {
    if (errands == nullptr) return done(work());
    errands->start(std::move(name), std::move(work), std::move(done));
}

}  // namespace momento
