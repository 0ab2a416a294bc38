// The end of a world: peace, the last redrives, and the audit.
#include <algorithm>

#include "audit.h"
#include "world.h"

namespace momento::sim {

// Also when nobody listens: a look at the disk must not make a seed play differently.
void World::tell_files() {
    std::vector<std::string> destinations{dead_letter_directory};
    for (const auto& each : settings_->destinations) destinations.push_back(each.name);
    for (const std::string& destination : destinations) {
        for (const SlotPlace& place : slots_of(destination)) {
            auto names = place.directory->list();
            std::sort(names->begin(), names->end());
            std::string line = destination + "/" + place.slot + ":";
            for (const std::string& name : *names) {
                auto file = place.directory->open(name, Directory::Mode::read);
                if (file) line += " " + name + "=" + std::to_string(*(*file)->size());
            }
            stage.tell(line);
        }
    }
}

void World::make_peace() {
    disarm();
    stage.tell("peace");
    tell_files();
    peace_ = true;
    disk_.capacity = UINT64_MAX;
    poison_next_ = false;
    stall_us_ = 0;
    network_.weather = {};
    stage.clock.step_wall(0);
    stage.act();
    if (forgotten_ && stage.chance.one_in(2)) move();
    remember();
    curse_is_due_ = false;
    if (has_ended_thread_) reload();
}

// Nothing is pending in any slot, in flight, or waited for.
bool World::is_quiet() {
    for (const SimEvent& event : ledger_.events()) {
        if (event.answer == Answer::none) return false;
        if (event.answer == Answer::ok && !event.malformed && !event.may_be_lost &&
            event.published + event.refusals == 0 && plan_.give_up_after_ms > 60'000) {
            return false;
        }
    }
    for (size_t i = 0; i < plan_.destinations; ++i) {
        for (const SlotPlace& place : slots_of(settings_->destinations[i].name)) {
            auto report = read_slot(place, [](const Record&, Position) {});
            if (!report || report->cursor.totals.pending() > 0) return false;
        }
    }
    return true;
}

// What the bus permits has left, whatever waits beside it.
bool World::is_permitted_gone() {
    if (plan_.give_up_after_ms <= 60'000) return true;  // it may be dead letters
    const auto& events = ledger_.events();
    return std::all_of(events.begin(), events.end(), [](const SimEvent& event) {
        return event.answer != Answer::ok || event.malformed || event.may_be_lost ||
               event.taste == Taste::forbidden || event.published + event.refusals > 0;
    });
}

void World::mend_policy() {
    // Each probe of a destination on hold is another entry, and comes within half a minute.
    const auto& events = ledger_.events();
    const auto forbidden = std::count_if(events.begin(), events.end(), [](const auto& event) {
        return event.taste == Taste::forbidden;
    });
    const int64_t end_us = stage.now() + 120 * second + forbidden * 30 * second;
    while (stage.now() < end_us && !is_permitted_gone()) play_until(stage.now() + second / 2);
    if (!is_permitted_gone()) {
        stage.violation("permitted events wait for forbidden ones though each had its turn");
        tell_pending();
    }
    stage.tell("the bus permits everything");
    plan_.forbidden = 0;
    for (SimEvent& event : ledger_.events()) {
        if (event.taste == Taste::forbidden) event.taste = Taste::good;
    }
}

// Of what momento_status shows, at an instant at which nothing is under way.
void World::check_balance() {
    for (size_t i = 0; i < settings_->destinations.size(); ++i) {
        const DestinationSettings& destination = settings_->destinations[i];
        const DestinationNumbers n = shared_->slots.sum(destination.name, {0});
        uint64_t with_reason = 0;
        for (const Counter& reason : shared_->metrics[i].dead) with_reason += reason.load();
        if (with_reason > n.dead && !shared_->cursor_torn) {
            stage.violation(destination.name + ": " + std::to_string(n.dead) +
                            " events count as dead, " + std::to_string(with_reason) +
                            " by their reasons");
        }
        const uint64_t in = n.appended + n.recovered + n.redriven;
        const uint64_t out = n.delivered + n.dead + n.damaged + n.pending;
        if (in == out) continue;
        stage.violation(
            "the balance of " + destination.name + " is off: appended " +
            std::to_string(n.appended) + " + recovered " + std::to_string(n.recovered) +
            " + redriven " + std::to_string(n.redriven) + ", delivered " +
            std::to_string(n.delivered) + " + dead " + std::to_string(n.dead) + " + damaged " +
            std::to_string(n.damaged) + " + pending " + std::to_string(n.pending));
    }
}

bool World::wait_until_quiet(const char* when) {
    constexpr int64_t most_us = 300 * second;
    const int64_t end_us = stage.now() + most_us;
    while (stage.now() < end_us) {
        play_until(stage.now() + second / 2);
        if (!is_quiet()) continue;
        check_balance();
        return true;
    }
    stage.violation(std::string("events are left pending ") + when);
    tell_pending();
    return false;
}

void World::tell_pending() {
    if (!stage.telling()) return;
    for (const DestinationSettings& destination : settings_->destinations) {
        for (const SlotPlace& place : slots_of(destination.name)) {
            std::string records;
            auto report = read_slot(place, [&](const Record& record, Position) {
                const SimEvent* event = ledger_.find(record.body, "the log");
                records += " " + std::to_string(record.sequence) + " (event " +
                           (event ? std::to_string(event->id) : "unknown") + ")";
            });
            if (!report || report->cursor.totals.pending() == 0) continue;
            stage.tell("pending in " + destination.name + "/" + place.slot + ": " +
                       std::to_string(report->cursor.totals.pending()) + ", of which are read" +
                       records);
        }
    }
}

void World::finish() {
    make_peace();
    play_until(stage.now() + 4 * second);  // until everybody is up again
    mend_policy();
    bool quiet = wait_until_quiet("after five minutes of peace");

    // It has recovered by itself: everything is accepted when no log is full any more.
    publish(4 * wanted_workers_);
    quiet = quiet && wait_until_quiet("that came in peace");
    play_until(stage.now() + plan_.retain_ms * 1000 + 2 * second);
    const size_t before = ledger_.events().size();
    for (size_t i = 0; i < 2 * wanted_workers_; ++i) {
        publish(1);
        play_until(stage.now() + second / 10);
    }
    quiet = quiet && wait_until_quiet("that came in peace");
    for (size_t i = before; i < ledger_.events().size(); ++i) {
        if (ledger_.events()[i].answer != Answer::ok) {
            stage.violation("event " + std::to_string(i + 1) + " was refused in peace");
        }
    }
    for (int round = 0; quiet && round < 3 && stage.violations.empty(); ++round) {
        std::vector<SimEvent*> left = letters();
        for (SimEvent* event : left) event->taste = Taste::good;
        auto is_event = [](const SimEvent* event) { return !event->malformed; };
        if (std::none_of(left.begin(), left.end(), is_event)) break;
        redrive();
        play_until(stage.now() + 2 * second);
        quiet = wait_until_quiet("after a redrive");
    }

    wanted_workers_ = 0;
    quit();
    while (!workers_.empty()) play_until(stage.now() + second / 10);
    Audit audit(*this);
    audit.before_power_loss();
    cut_power();
    audit.after_power_loss();

    Coverage& coverage = stage.coverage;
    ++coverage.seeds;
    coverage.steps += steps_;
    coverage.simulated_ms += static_cast<uint64_t>(stage.now() / 1000);
}

Outcome play_seed(uint64_t seed, Coverage& coverage, bool telling) {
    Outcome outcome;
    World world(seed, coverage, telling);
    try {
        world.play();
    } catch (const std::exception& e) {
        world.stage.violation(e.what());
    }
    outcome.violations = std::move(world.stage.violations);
    outcome.story = std::move(world.stage.story);
    return outcome;
}

}  // namespace momento::sim
