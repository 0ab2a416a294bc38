// Counters that several processes add to: plain lock-free atomics, so that they can live
// in shared memory (zero-filled memory is a valid state). Written by any thread, relaxed.
//
// What can be told from a log's own cursor (appended, delivered, dead, pending) is not
// counted here: see SlotTotals, which survives every crash.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/dead_reasons.h"
#include "base/enum_table.h"

namespace momento {

using Counter = std::atomic<uint64_t>;
inline constexpr auto relaxed = std::memory_order_relaxed;
static_assert(Counter::is_always_lock_free);

// Places for processes: as many as nginx has (NGX_MAX_PROCESSES).
inline constexpr size_t max_processes = 1024;

// A gauge that every process has a part of, at its place: what a process that died has left
// there is not counted any more (ProcessTable).
struct Gauge {
    std::array<Counter, max_processes> parts;

    // `places`: of the processes that count.
    uint64_t sum(const std::vector<size_t>& places) const;
};

// Upper bounds in microseconds; one more bucket takes what is above the last.
inline constexpr std::array<uint64_t, 16> histogram_bounds_us = {
    50,     100,    250,     500,     1'000,   2'500,     5'000,     10'000,
    25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000, 2'500'000, 10'000'000};

struct Histogram {
    std::array<Counter, histogram_bounds_us.size() + 1> buckets;
    Counter sum_us;

    void observe(uint64_t us);
};

enum class DeliveryOutcome {
    ok,
    partial,
    throttled,
    refused,
    held,
    unreachable,
    failed,
    count
};

// Places for reasons of dead letters. Our own have the first ones; of the others this room
// knows no more (destination/dead_reasons.h).
inline constexpr size_t max_dead_reasons = 32;

// What is known of an event bus, shared by the workers that deliver to it (bus_guard.h).
struct BusCell {
    Counter target;  // which bus: a hash; 0: none yet
    Counter due_us;  // steady clock, one for all processes: when it may be looked up next
    Counter state;   // BusGuard::State
};

struct DestinationMetrics {
    std::array<Counter, max_dead_reasons> dead;  // by reason

    void count_dead(OwnReason reason);

    Counter retried;  // entries that will be sent again
    Counter late;     // became durable after their 503
    Counter refused;  // entries the destination refused for good
    EnumTable<DeliveryOutcome, Counter> requests;
    Histogram delivery;  // seconds of PutEvents requests
    Histogram sync;      // seconds of fdatasync
    Gauge held;          // entries on hold
    Gauge breaker_open;  // 1: this process's breaker is open
    Gauge unopened;      // 1: this process cannot open its log, which so has no numbers

    // What AWS had to say to each process (DestinationState).
    Gauge clock_offset_ms;         // as int64_t
    Gauge credentials_expires_ms;  // wall clock; 0: they do not
    BusCell bus;
};

}  // namespace momento
