// How threads tell another one, which sleeps in epoll_wait, that something waits for it.
//
// While it is awake they only leave word, since it looks before it goes to sleep: a system call
// here, and there an event to find and to read, are spent only to wake it.
//
//   answer()               then it looks for what was left
//   fall_asleep(): true    epoll_wait, with descriptor() in its set
//                  false   from the start
#pragma once

#include <atomic>
#include <utility>

#include "base/descriptor.h"

namespace momento {

class Doorbell {
  public:
    // `event`: an eventfd that does not block.
    explicit Doorbell(Descriptor event) : event_(std::move(event)) {}

    // Any thread, after it has left something. Does not block.
    void ring();

    // --- the one who is rung for, which sleeps at first

    int descriptor() const { return event_.get(); }  // readable: it is rung for, asleep
    void silence();                                  // readable no more; the word stays

    // It looks later on: whoever rings leaves word only, from here on until fall_asleep().
    void stay_awake();

    // It looks now: the word is taken.
    void answer();

    // False: somebody has left word since answer(). True, too, if it sleeps already; then the
    // descriptor may be readable.
    bool fall_asleep();

    // Falls asleep rung for: what else epoll_wait has comes first, then it looks again.
    void nap();

  private:
    void make_readable();

    enum class State { asleep, rung, awake, called };

    const Descriptor event_;
    std::atomic<State> state_{State::asleep};
};

}  // namespace momento
