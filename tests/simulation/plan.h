// What a seed does to the product: drawn before anything runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chance.h"
#include "network.h"
#include "sim_files.h"
#include "spool/log.h"

namespace momento::sim {

struct CrashPlan {
    int64_t at_us = 0;  // from here on
    bool power = false;
    // Where: at a named step, or before or after some operation, or (neither) at once.
    size_t step = SIZE_MAX;  // index into crash_steps()
    std::optional<Operation> operation;
    bool after = false;
    int countdown = 1;  // at the how-manieth time
};

struct DiskTrouble {
    int64_t from_us = 0;
    int64_t to_us = 0;
    std::vector<Operation> operations;
    double probability = 0;
    int error = 0;
};

// A file that cannot be read for a while: some pages of it, or all.
struct UnreadablePlan {
    int64_t from_us = 0;
    int64_t to_us = 0;
    bool opens = true;
};

struct WeatherPlan {
    int64_t from_us = 0;
    int64_t to_us = 0;
    Weather weather;
};

struct Plan {
    SyncMode sync = SyncMode::always;
    uint64_t segment_size = 0;
    uint64_t log_size = 0;
    int64_t retain_ms = 0;
    uint64_t unread_reach = 1;  // SpoolSettings::unread_reach
    size_t destinations = 1;
    size_t workers = 1;
    size_t connections = 1;
    int64_t give_up_after_ms = 0;
    bool watches = false;  // some senders want to hear that their event is on the bus

    int64_t story_us = 0;  // how long events arrive
    int64_t peace_us = 0;  // from here on nothing bad happens
    size_t events = 0;
    size_t failing_events = 0;  // that the bus fails with for a long time
    double refused = 0;         // parts of the events
    double malformed = 0;
    double forbidden = 0;  // until a policy is mended, in peace
    double forged = 0;
    bool even = false;  // events are of one size, so that records stand where others stood

    std::vector<CrashPlan> crashes;
    std::vector<DiskTrouble> troubles;
    std::vector<UnreadablePlan> unreadable;
    bool spoils = false;  // a segment, when the power goes
    std::vector<int64_t> full_from_us;
    std::vector<int64_t> stalls_us;
    std::vector<WeatherPlan> weather;
    std::vector<int64_t> reloads_us;
    std::vector<int64_t> quits_us;
    std::vector<int64_t> thread_ends_us;
    std::vector<int64_t> clock_steps_us;
    std::vector<int64_t> redrives_us;
    std::vector<int64_t> forgets_us;  // the last destination; its events are moved
    std::vector<int64_t> shrinks_us;  // to these bounds, perhaps below what is pending
    uint64_t smaller_segment_size = 0;
    uint64_t smaller_log_size = 0;

    bool has_disk_trouble() const {
        return !troubles.empty() || !full_from_us.empty() || poisons || !unreadable.empty() ||
               spoils;
    }
    bool poisons = false;  // a sync fails so that a crash can happen there
};

bool is_of_redrive(const char* step);
bool is_of_move(const char* step);

Plan draw_plan(uint64_t seed);
std::string describe(const Plan& plan);

}  // namespace momento::sim
