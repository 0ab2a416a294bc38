// How threads tell another one, which sleeps in epoll_wait, that something waits for it.
//
// While it is awake they only leave word, since it looks before it goes to sleep. So a system
// call here, and there an event to find and to read, are paid for only to wake it.
//
//   stay_awake()           then it looks, and works
//   fall_asleep(): true    then epoll_wait, with descriptor() in its set
//                  false   then it looks again
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

    // --- the one who is rung for. It sleeps at first.

    int descriptor() const { return event_.get(); }  // readable: wake_up()
    void wake_up();                                  // readable no more, and stay_awake()

    // Until fall_asleep() is true whoever rings leaves word only. What was left before that is
    // to be looked for in between.
    void stay_awake();

    // False: somebody has left word since it was asked last.
    bool fall_asleep();

  private:
    enum class State { asleep, rung, awake, called };

    const Descriptor event_;
    std::atomic<State> state_{State::asleep};
};

}  // namespace momento
