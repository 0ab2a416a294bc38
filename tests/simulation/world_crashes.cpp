// How processes and machines of a world die, and what that may cost.
#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "spool/move.h"
#include "spool/redrive.h"
#include "world.h"

namespace momento::sim {
namespace {

constexpr int64_t patience_us = 3 * second;         // for an armed crash
constexpr int64_t requeue_after_us = 29 * second;   // DeliverySettings', less a little
constexpr int64_t longest_burial_us = 12 * second;  // the disk may stall

}  // namespace

void World::plan_crashes() {
    for (const CrashPlan& crash : plan_.crashes) {
        stage.at(crash.at_us, [this, &crash] { arm(crash); });
    }
}

void World::arm(const CrashPlan& crash) {
    disarm();
    armed_ = crash;
    if (crash.step == SIZE_MAX && !crash.operation) {
        disarm();
        return;
    }
    const uint64_t serial = ++armed_serial_;
    stage.at(stage.now() + patience_us, [this, serial] {
        if (armed_serial_ == serial) disarm();
    });
    if (crash.step == SIZE_MAX) return;

    // Some places are only passed if something has happened.
    const char* step = crash_steps()[crash.step];
    auto is = [step](const char* other) { return std::strcmp(step, other) == 0; };
    if (is(steps::segment_poisoned)) poison_next_ = true;
    if (is(steps::finished)) reload();
    if (is_of_redrive(step)) redrive();
    if (is_of_move(step)) {
        forget();
        move();
    }
    if (is(steps::slot_opened) || is(steps::tail_synced_at_opening)) {
        if (SimWorker* worker = any_alive()) kill(*worker);
    }
}

void World::disarm() {
    if (armed_) strike(nullptr);
}

SimWorker* World::any_alive() {
    std::vector<SimWorker*> alive;
    for (auto& worker : workers_) {
        if (worker->alive()) alive.push_back(worker.get());
    }
    return alive.empty() ? nullptr : stage.chance.pick(alive);
}

// The armed crash happens; `where`: the process that has reached its place.
void World::strike(const SimFiles* where) {
    const bool power = armed_->power;
    armed_.reset();
    if (power) {
        lose_power();
        return;
    }
    if (where != nullptr && where == operator_) {
        stage.tell("momentoctl is killed");
        stage.hit(operator_killed_);
        const_cast<SimFiles*>(where)->kill();
        ++crashes_;
        ++stage.coverage.crashes;
        return;
    }
    for (auto& worker : workers_) {
        if (&worker->files == where) {
            kill(*worker);
            return;
        }
    }
    if (SimWorker* worker = any_alive()) {
        kill(*worker);
    } else {
        CrashPlan again;
        stage.at(stage.now() + second / 5, [this, again] { arm(again); });
    }
}

void World::kill(SimWorker& worker) {
    stage.tell(worker.name() + " is killed");
    stage.hit(Mishap::kill);
    ++crashes_;
    ++stage.coverage.crashes;
    ++kills_;
    die(worker, false);
    stage.at(stage.now() + stage.chance.between(0, second / 3), [this] { keep_workers(); });
}

void World::lose_power() {
    stage.tell("the power goes");
    stage.hit(Mishap::power_loss);
    ++crashes_;
    ++stage.coverage.crashes;
    power_was_lost_ = true;
    for (auto& worker : workers_) {
        if (worker->alive()) die(*worker, true);
    }
    cut_power();
    powered_ = false;
    stage.at(stage.now() + stage.chance.between(second / 5, 2 * second),
             [this] { power_up(); });
}

// Nobody may take the slot again before a reload: so a curse ends one thread only.
void World::plan_thread_ends() {
    for (const int64_t us : plan_.thread_ends_us) {
        stage.at(us, [this] { curse_is_due_ = !peace_; });
    }
}

void World::end_thread_if_cursed(const Call& call) {
    if (desk_ == nullptr || call.operation != Operation::write) return;
    const std::string slot = call.path.substr(0, call.path.rfind('/'));
    if (std::exchange(curse_is_due_, false)) {
        stage.tell("slot \"" + slot + "\" is cursed");
        cursed_ = slot;
        ended_by_curse_ = 0;
    }
    if (slot == cursed_) throw ThreadEnd();
}

// What cannot be built anew in place ends with its process.
void World::thread_ended(const Actor& actor) {
    stage.hit(Mishap::thread_end);
    has_ended_thread_ = true;
    if (++ended_by_curse_ > 1) {
        stage.violation("\"" + cursed_ + "\" has ended a second thread before a reload");
        lift_curse();
    }
    for (auto& worker : workers_) {
        const auto actors = worker->actors();
        if (std::find(actors.begin(), actors.end(), &actor) == actors.end()) continue;
        if (worker->alive()) kill(*worker);
        return;
    }
}

void World::cut_power() {
    lift_curse();
    forget_sync();
    disk_.lose_power();
    shared_ = std::make_unique<SharedMemory>(plan_.destinations);
    inspector_ = std::make_unique<SimFiles>(disk_, "inspector");
    if (plan_.spoils && !spoilt_ && !peace_) spoil_segment();
    forget_what_is_torn();
    expect_copies();
}

// A log that parts with records gives them to another one before it releases them: if it ends
// in between, or cannot note it, both have them. So has one log both of what it appends again:
// with sync=os the old one is released up to a second later, when the new one is synced.
void World::expect_copies() {
    const Chance before = disk_chance_;  // a look at the disk must not change how a seed plays
    std::map<SimEvent*, uint64_t> logs;
    for (const DestinationSettings& destination : settings_->destinations) {
        for (const SlotPlace& place : slots_of(destination.name)) {
            (void)read_slot(place, [&](const Record& record, Position) {
                if (SimEvent* event = ledger_.find(record.body, "the log")) ++logs[event];
            });
        }
    }
    for (const auto& [event, count] : logs) event->copies += count - 1;
    disk_chance_ = before;
}

// What no log holds now was never acknowledged, or is lost. It must not come alive again:
// replay zones take their word from the logs, and let it be sent a second time.
void World::forget_what_is_torn() {
    std::set<const SimEvent*> present;
    for (const DestinationSettings& destination : settings_->destinations) {
        for (const SlotPlace& place : slots_of(destination.name)) {
            auto report = read_slot(place, [&](const Record& record, Position) {
                present.insert(ledger_.find(record.body, "the log"));
            });
            if (!report) return;  // the audit will tell
        }
    }
    for (SimEvent& event : ledger_.events()) {
        const bool was_sent = event.first_sent_us >= 0 || event.published > 0;
        if (!event.malformed && !was_sent && present.count(&event) == 0) event.gone = true;
    }
}

// What its end may cost: duplicates of what it had in flight, or had not noted yet.
void World::die(SimWorker& worker, bool power) {
    const int64_t written_us = worker.written_us();
    const int64_t synced_us = worker.synced_us();
    for (const Delivered& delivered : worker.http.delivered) {
        if (delivered.us >= (power ? synced_us : written_us)) {
            ++delivered.event->spare;
        } else if (delivered.us >= synced_us) {
            unsynced_releases_.push_back(delivered.event);
        }
    }
    const int64_t records_synced_us = worker.records_synced_us();
    for (SimEvent& event : ledger_.events()) {
        if (event.worker != worker.serial) continue;
        if (event.answer == Answer::none) event.answer = Answer::cut;
    }
    if (plan_.sync == SyncMode::os) {
        for (SimEvent& event : ledger_.events()) {
            const bool stored = event.worker == worker.serial && event.answer == Answer::ok &&
                                event.settled_us >= records_synced_us;
            if (!stored) continue;
            if (power || worker.records_doubtful()) {
                event.may_be_lost = true;
            } else {
                unsynced_records_.push_back(&event);
            }
        }
    }
    expect_two_of_a_record();
    worker.files.kill();
    worker.http.die();
    if (!power) expect_copies();
}

void World::forget_sync() {
    for (SimEvent* event : unsynced_releases_) ++event->spare;
    unsynced_releases_.clear();
    for (SimEvent* event : unsynced_records_) event->may_be_lost = true;
    unsynced_records_.clear();
}

// With sync=os what a process had not synced when it died stands in the page cache only.
// Who opens its log next syncs its tail: where that fails nobody has it any more.
void World::doubt_tail(const std::string& path) {
    for (SimEvent* event : unsynced_records_) {
        const std::string& destination = settings_->destinations[event->destination].name;
        if (path.find('/' + destination + '/') != std::string::npos) event->may_be_lost = true;
    }
}

// What failed for half a minute is appended again before it is released, and so is a letter:
// a crash may leave both.
void World::expect_two_of_a_record() {
    for (SimEvent& event : ledger_.events()) {
        if (event.refusals > 0 && (plan_.has_disk_trouble() ||
                                   event.last_refused_us >= stage.now() - longest_burial_us)) {
            ++event.spare;
        }
        const int64_t tried_us = stage.now() - event.first_sent_us;
        const int64_t copied_after_us =
            std::min(requeue_after_us, plan_.give_up_after_ms * 1000);
        if (event.first_sent_us < 0 || tried_us < copied_after_us) continue;
        if (event.published == 0 || event.last_published_us >= stage.now() - 3 * second) {
            event.spare = 2 * event.spare + 1;
        }
    }
}

}  // namespace momento::sim
