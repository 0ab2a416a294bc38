#include "plan.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "coverage.h"
#include "spool/move.h"
#include "spool/redrive.h"
#include "spool/steps.h"

namespace momento::sim {
namespace {

constexpr int64_t second = 1'000'000;
constexpr uint64_t smallest_segment = 16u << 10;
constexpr uint64_t least_segments = 5;

DiskTrouble draw_trouble(Chance& chance, int64_t end_us) {
    static const std::vector<Operation> any = {
        Operation::open, Operation::create, Operation::read,           Operation::write,
        Operation::sync, Operation::rename, Operation::sync_directory, Operation::remove,
        Operation::list, Operation::lock,   Operation::open_directory, Operation::link,
    };
    static const std::vector<Operation> allocating = {Operation::write, Operation::create,
                                                      Operation::rename};
    DiskTrouble trouble;
    trouble.from_us = chance.between(0, end_us);
    switch (chance.below(4)) {
        case 0:  // rare errors everywhere
            trouble.operations = any;
            trouble.probability = 0.02;
            trouble.error = EIO;
            break;
        case 1:
            trouble.operations = {chance.pick(any)};
            trouble.probability = chance.one_in(2) ? 0.3 : 1.0;
            trouble.error = EIO;
            break;
        case 2:
            trouble.operations = {Operation::write, Operation::sync};
            trouble.probability = chance.one_in(2) ? 0.1 : 1.0;
            trouble.error = EIO;
            break;
        default:
            trouble.operations = allocating;
            trouble.probability = chance.one_in(2) ? 0.2 : 1.0;
            trouble.error = ENOSPC;
    }
    trouble.to_us = trouble.from_us + chance.between(second / 10, 3 * second);
    return trouble;
}

WeatherPlan draw_weather(Chance& chance, int64_t end_us) {
    WeatherPlan plan;
    plan.from_us = chance.between(0, end_us);
    plan.to_us = plan.from_us + chance.between(second / 2, 5 * second);
    const size_t kinds = 1 + chance.below(4);
    for (size_t i = 0; i < kinds; ++i) {
        const auto course = 1 + chance.below(static_cast<uint64_t>(Course::count) - 1);
        plan.weather.courses.push_back(static_cast<Course>(course));
    }
    plan.weather.trouble = chance.one_in(3) ? 1.0 : 0.1 + 0.6 * chance.unit();
    if (chance.one_in(2)) plan.weather.entry_trouble = 0.3 * chance.unit();
    return plan;
}

CrashPlan draw_crash(Chance& chance, int64_t end_us) {
    CrashPlan crash;
    crash.at_us = chance.between(second / 2, end_us);
    crash.power = chance.coin(0.4);
    const uint64_t kind = chance.below(100);
    if (kind < 60) {
        crash.step = chance.below(crash_steps().size());
        crash.countdown = static_cast<int>(1 + chance.below(chance.one_in(2) ? 1 : 8));
    } else if (kind < 90) {
        crash.operation = static_cast<Operation>(chance.below(operation_count));
        crash.after = chance.one_in(2);
        crash.countdown = static_cast<int>(1 + chance.below(10));
    }
    return crash;
}

CrashPlan crash_at(const CrashPlan& other, const char* step) {
    CrashPlan crash;
    crash.at_us = other.at_us;
    crash.power = other.power;
    const auto& all = crash_steps();
    const auto at = std::find_if(all.begin(), all.end(), [step](const char* each) {
        return std::strcmp(each, step) == 0;
    });
    crash.step = static_cast<size_t>(at - all.begin());
    return crash;
}

CrashPlan torn_batch(const CrashPlan& other) {
    CrashPlan crash = crash_at(other, steps::records_written);
    crash.power = true;
    return crash;
}

std::vector<int64_t> draw_times(Chance& chance, size_t count, int64_t end_us) {
    std::vector<int64_t> times;
    for (size_t i = 0; i < count; ++i) times.push_back(chance.between(second / 2, end_us));
    return times;
}

}  // namespace

bool is_of_redrive(const char* step) {
    return std::strcmp(step, steps::redriven_appended) == 0 ||
           std::strcmp(step, steps::redriven_marked) == 0;
}

bool is_of_move(const char* step) {
    return std::strcmp(step, steps::moved_appended) == 0 ||
           std::strcmp(step, steps::moved_released) == 0;
}

Plan draw_plan(uint64_t seed) {
    Chance chance(seed ^ 0x706C616E);
    Plan plan;
    plan.sync = chance.coin(0.8) ? SyncMode::always : SyncMode::os;
    plan.segment_size = smallest_segment << chance.below(3);
    plan.log_size =
        plan.segment_size * static_cast<uint64_t>(chance.between(least_segments, 24));
    plan.retain_ms = chance.one_in(2) ? 0 : chance.between(1'000, 10'000);
    plan.destinations = chance.coin(0.7) ? 1 : 2;
    plan.workers = 1 + chance.below(3);
    plan.connections = static_cast<size_t>(1) << chance.below(5);
    plan.give_up_after_ms = chance.one_in(3) ? chance.between(2'000, 5'000) : 86'400'000;
    plan.watches = chance.one_in(3);

    const bool is_long = chance.one_in(12);
    plan.story_us = is_long ? chance.between(45 * second, 60 * second)
                            : chance.between(4 * second, 10 * second);
    plan.peace_us = plan.story_us + chance.between(0, 5 * second);
    plan.events = 200 + chance.below(60);
    if (is_long) plan.failing_events = chance.below(5);
    if (chance.coin(0.7)) plan.refused = 0.06 * chance.unit();
    if (chance.coin(0.5)) plan.malformed = 0.05 * chance.unit();
    if (chance.coin(0.25) && plan.segment_size <= 32u << 10) plan.forged = 0.2;

    const size_t crashes = 3 + chance.below(3);
    for (size_t i = 0; i < crashes; ++i) {
        plan.crashes.push_back(draw_crash(chance, plan.peace_us));
    }
    std::sort(plan.crashes.begin(), plan.crashes.end(),
              [](const CrashPlan& a, const CrashPlan& b) { return a.at_us < b.at_us; });
    for (const CrashPlan& crash : plan.crashes) {
        if (crash.step == SIZE_MAX) continue;
        plan.poisons |= std::strcmp(crash_steps()[crash.step], steps::segment_poisoned) == 0;
        if (is_of_move(crash_steps()[crash.step])) plan.destinations = 2;
    }

    const bool bad_disk = chance.coin(0.55);
    if (bad_disk) {
        const size_t troubles = 1 + chance.below(3);
        for (size_t i = 0; i < troubles; ++i) {
            plan.troubles.push_back(draw_trouble(chance, plan.peace_us));
        }
        if (chance.one_in(4)) plan.full_from_us = draw_times(chance, 1, plan.story_us);
    }
    if (chance.one_in(6)) {
        const size_t files = 1 + chance.below(6);
        for (size_t i = 0; i < files; ++i) {
            UnreadablePlan file;
            file.from_us = chance.between(second / 2, plan.peace_us);
            file.to_us = file.from_us + chance.between(second, 20 * second);
            file.opens = chance.coin(0.7);
            plan.unreadable.push_back(file);
        }
    }
    plan.spoils = chance.one_in(8);
    if (chance.coin(0.2))
        plan.stalls_us = draw_times(chance, 1 + chance.below(2), plan.story_us);
    if (!bad_disk || chance.coin(0.5)) {
        const size_t windows = 1 + chance.below(3);
        for (size_t i = 0; i < windows; ++i) {
            plan.weather.push_back(draw_weather(chance, plan.peace_us));
        }
    }
    if (chance.one_in(2)) {
        plan.reloads_us = draw_times(chance, 1 + chance.below(2), plan.peace_us);
    }
    if (chance.one_in(10)) plan.quits_us = draw_times(chance, 1, plan.peace_us);
    if (chance.coin(0.15)) plan.clock_steps_us = draw_times(chance, 1, plan.story_us);
    if (chance.coin(0.3)) {
        plan.redrives_us = draw_times(chance, 1 + chance.below(2), plan.peace_us);
    }
    if (plan.destinations > 1 && chance.coin(0.3)) {
        plan.forgets_us = draw_times(chance, 1, plan.peace_us);
    }
    if (chance.coin(0.2)) {
        plan.shrinks_us = draw_times(chance, 1, plan.peace_us);
        plan.smaller_segment_size = plan.segment_size;
        if (plan.forged == 0 && plan.segment_size > smallest_segment && chance.one_in(2)) {
            plan.smaller_segment_size = smallest_segment;
        }
        plan.smaller_log_size = plan.smaller_segment_size * least_segments;
    }
    if (chance.one_in(3)) plan.forbidden = 0.08 * chance.unit();
    plan.even = plan.forged == 0 && chance.one_in(3);
    // Of records that fill a sector each, some are left whole behind others that are not.
    if (plan.even && chance.one_in(2)) plan.crashes.front() = torn_batch(plan.crashes.front());
    // A stream of its own: what is drawn above stays what it was.
    Chance ends(seed ^ 0x746872656164);
    if (ends.coin(0.25)) plan.thread_ends_us = draw_times(ends, 1, plan.story_us);
    plan.unread_reach = uint64_t{1} << ends.below(10);
    if (!plan.unreadable.empty() && ends.coin(0.7)) {
        plan.unread_reach = 1;
        plan.crashes.back() = crash_at(plan.crashes.back(), steps::waiting_slot_made);
    }
    return plan;
}

std::string describe(const Plan& plan) {
    return std::string(plan.sync == SyncMode::always ? "sync=always" : "sync=os") +
           ", segments of " + std::to_string(plan.segment_size) + " bytes, logs of " +
           std::to_string(plan.log_size) + ", kept for " + std::to_string(plan.retain_ms) +
           " ms, " + std::to_string(plan.destinations) + " destinations, " +
           std::to_string(plan.workers) + " workers, " + std::to_string(plan.connections) +
           " connections, events die after " + std::to_string(plan.give_up_after_ms) + " ms, " +
           std::to_string(plan.crashes.size()) + " crashes, " +
           std::to_string(plan.troubles.size()) + " disk troubles, " +
           std::to_string(plan.unreadable.size()) + " files that cannot be read, " +
           std::to_string(plan.weather.size()) + " kinds of weather" +
           (plan.spoils ? ", a segment spoilt" : "");
}

}  // namespace momento::sim
