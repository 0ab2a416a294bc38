// Threads that ended by an exception, in memory that all processes share.
//
// Whatever a thread was at when it ended is set aside first: no process takes that slot again
// before a reload, so that one record cannot end one process after the other. And only one end
// in a minute, on the machine, has consequences: whatever ends threads again and again must not
// end processes, too.
//
// Zero-filled memory is an empty table. Safe from any process and thread; nothing here
// allocates but list(), blocks or throws.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"

namespace momento {

struct SlotSetAside {
    std::string destination;
    std::string slot;
};

class ThreadEnds {
  public:
    static constexpr size_t capacity = 64;
    static constexpr int64_t quiet_us = 60'000'000;

    // `configuration`: the one in effect (OrphanTable::configuration), whichever the process
    // has that says it. Again: no effect. False if the table is full of what was set aside
    // since that took effect.
    bool set_aside(uint64_t configuration, std::string_view destination, std::string_view slot);

    // Whether a process of that configuration may not take the slot: it was set aside since
    // that took effect.
    bool is_set_aside(uint64_t configuration, std::string_view destination,
                      std::string_view slot) const;

    // Since that configuration took effect.
    std::vector<SlotSetAside> list(uint64_t configuration) const;

    // How many destinations this process refuses events for, since threads of it have ended;
    // and how many processes, of the living, refuse any.
    void say_closed(size_t process, size_t destinations) {
        closed_[process].store(destinations, std::memory_order_relaxed);
    }
    size_t closed_processes(const std::vector<size_t>& living) const;

    // True: whoever asks may begin anew, or end. False: somebody did within a minute. `now_us`
    // is the steady clock's, which all processes share.
    bool may_act(int64_t now_us);

  private:
    static constexpr size_t max_destination = 64;
    static constexpr size_t max_slot = 32;

    // Names are written while nobody reads them: `key` is set last.
    struct Cell {
        Counter key;  // hash of both names; 0: free
        Counter configuration;
        std::atomic<uint32_t> taken;
        char destination[max_destination + 1];
        char slot[max_slot + 1];
    };

    bool take(Cell& cell, uint64_t configuration);

    std::array<Cell, capacity> cells_;
    Counter acted_us_;
    std::array<Counter, max_processes> closed_;
};

}  // namespace momento
