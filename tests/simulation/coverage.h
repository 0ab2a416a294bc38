// How often everything that can be done to the product was done to it, over all seeds.
// Lives in memory that all processes of a run share.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "sim_files.h"

namespace momento::sim {

// What is done to the product, besides crashes.
enum class Mishap {
    read_error,
    write_error,  // nothing was written
    short_write,  // a part was
    sync_error,
    directory_sync_error,
    open_error,
    create_error,
    rename_error,
    link_error,
    remove_error,
    list_error,
    lock_error,
    write_no_space,
    create_no_space,
    disk_full,         // for a while
    disk_stall,        // one operation takes seconds
    helper_hangs,      // what waits for no disk of the log's begins seconds later
    unreadable_range,  // of a file, for a while
    unreadable_file,   // cannot be opened, for a while
    blank_segment,
    missing_segment,
    not_connected,
    connect_timeout,
    lost_unseen,      // no answer; the server saw nothing
    lost_published,   // no answer; the server has acted
    reset_unseen,     // the connection broke; the server saw nothing
    reset_published,  // it broke after the server had read everything, and acted
    server_error_unseen,
    server_error_published,
    cut_answer,  // published, half of the answer arrives
    request_throttled,
    request_forbidden,
    event_forbidden,  // a policy forbids the request that it is in
    entry_throttled,
    entry_failed,
    slow_answer,
    arrived_late,  // after its client had given up, or was dead
    clock_step,
    clock_refused,  // a signature too far from true time
    reload,
    fewer_workers,
    smaller_bounds,
    quit,  // all workers, gracefully
    kill,
    thread_end,  // by an exception; the process follows
    power_loss,
    redrive,          // while workers run
    redrive_stopped,  // while none does
    redrive_killed,
    forget,  // reload without a destination that has events
    move,    // of these to another destination, while workers run
    move_stopped,
    move_killed,
    count,
};

const char* name(Mishap mishap);

// Of the disk, the network or the clock; the others are what people and crashes do.
constexpr bool is_fault(Mishap mishap) {
    return mishap < Mishap::reload;
}

// Named steps of core/, where a crash can be made to happen.
const std::vector<const char*>& crash_steps();

inline constexpr size_t most_crash_steps = 64;
inline constexpr size_t operation_count = static_cast<size_t>(Operation::count);

struct Coverage {
    using Count = std::atomic<uint64_t>;

    std::array<Count, static_cast<size_t>(Mishap::count)> mishaps;
    std::array<Count, most_crash_steps> killed_at;
    std::array<Count, most_crash_steps> power_lost_at;
    std::array<Count, operation_count> crashed_before;  // an operation on the disk
    std::array<Count, operation_count> crashed_after;

    Count seeds;
    Count events;
    Count acknowledged;
    Count refused;
    Count unanswered;
    Count delivered;
    Count duplicates;
    Count late;
    Count letters;
    Count redriven;
    Count moved;
    Count crashes;
    Count faults;
    Count lost;           // although they were acknowledged
    Count lost_unsynced;  // acknowledged with sync=os, not synced when the power went
    Count steps;          // of the scheduler
    Count simulated_ms;

    // What was never hit.
    std::vector<std::string> gaps() const;
    std::string table() const;
};

}  // namespace momento::sim
