// What everybody in a simulation stands on: time, what happens when, chance, the story that
// is told if somebody wants to read it, and what has been found wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "chance.h"
#include "coverage.h"
#include "sim_clock.h"

namespace momento::sim {

class Stage {
  public:
    Stage(uint64_t seed, Coverage& coverage_, bool telling)
        : coverage(coverage_), chance(seed), telling_(telling) {}

    SimClock clock;
    Coverage& coverage;
    Chance chance;

    int64_t now() const { return clock.steady_us(); }

    // --- what happens when
    void at(int64_t us, std::function<void()> action) {
        agenda_.emplace(us, std::move(action));
    }
    int64_t next_action_us() const {
        return agenda_.empty() ? INT64_MAX : agenda_.begin()->first;
    }
    void act() {
        while (next_action_us() <= now()) {
            auto action = std::move(agenda_.begin()->second);
            agenda_.erase(agenda_.begin());
            action();
        }
    }

    // --- what it was like
    bool telling() const { return telling_; }
    void tell(const std::string& line) {
        if (!telling_) return;
        char time[32];
        std::snprintf(time, sizeof time, "%12.6f  ", static_cast<double>(now()) / 1e6);
        story.push_back(time + line);
    }
    std::vector<std::string> story;

    // --- what was done to the product
    void hit(Mishap mishap) {
        ++coverage.mishaps[static_cast<size_t>(mishap)];
        if (!is_fault(mishap)) return;
        ++faults;
        ++coverage.faults;
    }
    uint64_t faults = 0;

    // --- what was wrong
    void violation(std::string what) {
        tell("VIOLATION: " + what);
        if (violations.size() < most_violations) violations.push_back(std::move(what));
    }
    std::vector<std::string> violations;

    // How long a thread takes to run once it may: mostly at once, now and then not.
    int64_t latency_us() {
        const uint64_t kind = chance.below(100);
        if (kind < 80) return chance.between(0, 100);
        if (kind < 98) return chance.between(0, 5'000);
        return chance.between(0, 100'000);
    }

  private:
    static constexpr size_t most_violations = 20;

    std::multimap<int64_t, std::function<void()>> agenda_;
    const bool telling_;
};

}  // namespace momento::sim
