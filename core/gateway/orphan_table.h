// Orphans as all processes know them, in shared memory: by slot, for `momento_status`; and
// the spools that were configured since nginx started, since a spool that is not named any
// more may hold some.
//
// Zero-filled memory is an empty table. Surveys of several workers find the same and publish
// the same; those of an earlier configuration are not heard.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"

namespace momento {

struct Orphan {
    std::string spool;  // path
    std::string destination;
    std::string slot;
    uint64_t events = 0;
    uint64_t bytes = 0;

    // A process has the slot, be it another survey for a moment: it was not looked at, and
    // what is known of it stands.
    bool in_use = false;
};

class OrphanTable {
  public:
    static constexpr size_t max_spools = 16;
    static constexpr size_t max_orphans = 128;
    static constexpr size_t max_path = 511;

    // The master, when a configuration has taken effect: `spool` is its path, empty if it has
    // none. False if the path finds no room: once it is not configured any more, nobody will
    // look for orphans there.
    bool begin_configuration(std::string_view spool);

    // Of the one in effect.
    uint64_t configuration() const;

    // All that were configured so far, in no order.
    std::vector<std::string> spools() const;

    // What a survey found. True if it is news. `configuration` is the surveyor's.
    bool publish(uint64_t configuration, const std::vector<Orphan>& found);

    // Pending events of all orphans, also of those that find no room in list().
    uint64_t events() const;
    std::vector<Orphan> list() const;

  private:
    struct Spool {
        std::atomic<uint32_t> ready;
        char path[max_path + 1];
    };

    // Names are written once, by whoever takes the cell; what is gone has no events.
    struct Cell {
        Counter key;  // hash of all names; 0: free
        std::atomic<uint32_t> ready;
        std::atomic<uint32_t> spool;
        char destination[65];
        char slot[33];
        Counter events;
        Counter bytes;
    };

    size_t find_spool(std::string_view path) const;
    Cell* find_or_take(const Orphan& orphan);
    const Cell* store(const Orphan& orphan);

    Counter configuration_;
    Counter events_;
    std::array<Spool, max_spools> spools_;
    std::array<Cell, max_orphans> cells_;
};

}  // namespace momento
