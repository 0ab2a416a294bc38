// What every slot of every worker process holds, in shared memory: the source of
// `momento_status` and of its balance
//
//   appended + recovered + redriven = delivered + dead + damaged + pending
//
// A cell holds absolute numbers from a slot's cursor, and what they were when the slot was
// first opened since the table was made. So a crash between an action and its count cannot
// make them drift: whoever opens the slot next publishes what the disk says.
//
// Zero-filled memory is an empty table. Writers publish from their threads, any process
// reads; a reader may see a cell in the middle of an update, never after it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "spool/log.h"

namespace momento {

// A destination's numbers, summed over its slots.
struct DestinationNumbers {
    uint64_t appended = 0;   // by webhooks
    uint64_t recovered = 0;  // found pending when a slot was first opened
    uint64_t redriven = 0;
    uint64_t delivered = 0;
    uint64_t dead = 0;
    uint64_t damaged = 0;
    uint64_t pending = 0;
    uint64_t bytes = 0;
    uint64_t limit = 0;  // of slots that have an owner, or something pending
    uint64_t poisoned = 0;
    uint64_t unreadable = 0;        // of the pending ones
    int64_t oldest_pending_ms = 0;  // accept time; 0: none
    bool failing = false;
    bool full = false;   // a log has reached its bound
    double fullest = 0;  // LogNumbers::fullness of the fullest log that has an owner
};

class SlotTable {
  public:
    static constexpr size_t capacity = 2048;

    // Publishes a slot's numbers, by the process at the place `owner`. `found` is what the
    // slot held when it was opened; it counts the first time only. False if the table is
    // full: status will miss this slot.
    bool publish(std::string_view destination, std::string_view slot, size_t owner,
                 const SlotTotals& found, const LogNumbers& numbers);

    // A slot that cannot be opened, in which that many events are pending, unless it was
    // published before. So it stays until somebody opens it, and publishes its numbers.
    void publish_blocked(std::string_view destination, std::string_view slot, uint64_t events);

    // Forgets in what state the process at that place, which has ended, saw its logs.
    void forget(size_t owner);

    // `living`: places of the processes that live; what others said of the state of their
    // logs, failing or full, is not true any more.
    DestinationNumbers sum(std::string_view destination,
                           const std::vector<size_t>& living) const;

  private:
    // SlotTotals in shared memory.
    struct Totals {
        Counter last_sequence;
        Counter delivered;
        Counter dead;
        Counter requeued;
        Counter damaged;
        Counter redriven;

        void store(const SlotTotals& totals);
        SlotTotals load() const;
    };

    struct Cell {
        // Hash of destination and slot; 0: free. Slot names are random 64-bit numbers, so
        // that two cells never share one.
        Counter key;
        Counter destination;  // hash of its name
        Counter owner;
        std::atomic<uint32_t> ready;
        Totals found;
        Totals now;
        Counter bytes;
        Counter limit;
        std::atomic<double> fullness;
        Counter poisoned;
        Counter unreadable;
        Counter oldest_pending_ms;
        std::atomic<uint32_t> failing;
        std::atomic<uint32_t> full;
    };

    Cell* find(uint64_t key);
    Cell* find_or_take(uint64_t key);
    static void tell_blocked(Cell& cell, uint64_t events);

    std::array<Cell, capacity> cells_;
};

}  // namespace momento
