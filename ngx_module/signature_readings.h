// Reads back from the spool which signatures were accepted, for what only the spool knows: it
// fills the replay zones that are new, and settles in the others what processes that died had
// reserved.
//
// Belongs to the worker's event loop; the reading itself runs on another thread, and what it
// finds comes in batches. One reading at a time: who asks meanwhile gets the next one. A new
// zone is filled by one process for all; a reading that fails leaves it to whoever asks next.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "gateway/gateway.h"
#include "loop_event.h"
#include "replay_zone.h"

namespace momento {

class SignatureReadings {
  public:
    // Starts to read what was accepted since then (wall clock), in a hurry or not; what it
    // finds comes to take(). False: there is nobody to read.
    using Start = std::function<bool(int64_t since_ms, bool patiently)>;

    // `zones` are the configuration's and live longer than this. `wake` is called when
    // somebody who waits for signatures may ask again.
    SignatureReadings(std::deque<ReplayZone>& zones, bool has_spool, Start start,
                      std::function<void()> wake);

    // Whether the zone may be asked. If not, it is filled now, by this process or another one,
    // and whoever asks waits for that.
    bool is_filled(ReplayZone& zone);

    // Gives the number of a reading that begins from now on. `wake` is called at its end,
    // unless it fails.
    uint64_t read();
    bool has_ended(uint64_t reading) const { return ended_ >= reading; }

    void take(const SignatureBatch& batch);

  private:
    void look_at_awaited();
    void end(bool failed);

    std::deque<ReplayZone>& zones_;
    const bool has_spool_;
    const Start start_;
    const std::function<void()> wake_;

    // New zones that this process fills with what a reading finds.
    struct Filling {
        ReplayZone* zone;
        uint64_t reading;
    };
    std::vector<Filling> filling_;

    // New zones that others fill: of those it hears by looking now and then.
    std::vector<ReplayZone*> awaited_;
    LoopEvent look_event_;

    uint64_t begun_ = 0;
    uint64_t ended_ = 0;
    bool read_again_ = false;  // as soon as the one that is under way has ended
};

}  // namespace momento
