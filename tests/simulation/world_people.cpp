// Who uses the product: publishers, and an operator with momentoctl.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "spool/move.h"
#include "spool/record.h"
#include "spool/redrive.h"
#include "world.h"
#include "world_context.h"

namespace momento::sim {

void World::plan_events() {
    for (size_t left = plan_.events; left > 0;) {
        const size_t count = std::min<size_t>(left, 1 + stage.chance.below(4));
        left -= count;
        stage.at(stage.chance.between(0, plan_.story_us), [this, count] { publish(count); });
    }
}

// A turn of some worker's event loop with `count` webhooks in it.
void World::publish(size_t count) {
    std::vector<SimWorker*> serving;
    for (auto& worker : workers_) {
        if (worker->alive() && worker->state == SimWorker::State::serving) {
            serving.push_back(worker.get());
        }
    }
    if (serving.empty()) {
        stage.at(stage.now() + 50'000, [this, count] { publish(count); });
        return;
    }
    Chance& chance = stage.chance;
    SimWorker& worker = *chance.pick(serving);
    for (size_t i = 0; i < count; ++i) {
        SimEvent& event = ledger_.add();
        event.destination = chance.below(worker.destinations());
        event.malformed = chance.coin(plan_.malformed);
        event.waits = plan_.watches && !event.malformed && chance.one_in(2);
        event.body = body(event, worker, chance.coin(plan_.forged));
        if (!event.malformed && chance.coin(plan_.refused)) {
            event.taste = chance.coin(0.7) ? Taste::refused_entry : Taste::refused_request;
        }
        if (event.taste == Taste::good && !event.malformed && chance.coin(plan_.forbidden)) {
            event.taste = Taste::forbidden;
        }
        if (plan_.failing_events > 0 && chance.one_in(20)) {
            --plan_.failing_events;
            event.failing_until_us = stage.now() + chance.between(32 * second, 50 * second);
        }
        if (stage.telling()) {
            stage.tell("event " + std::to_string(event.id) + " arrives at " + worker.name() +
                       ", " + std::to_string(event.body.size()) + " bytes" +
                       (event.malformed              ? ", malformed"
                        : event.taste != Taste::good ? ", not to the bus's taste"
                                                     : ""));
        }
        worker.take(event);
    }
    worker.end_turn();
}

// A body that may hold records as an attacker would forge them: of sequences to come, for
// wherever in a segment the body may stand.
std::string World::body(const SimEvent& event, SimWorker& worker, bool forged) {
    Chance& chance = stage.chance;
    std::string text = "{\"id\":" + std::to_string(event.id) + ",\"text\":\"";
    auto size = static_cast<size_t>(chance.one_in(10) ? chance.between(1'000, 6'000)
                                                      : chance.between(20, 700));
    constexpr size_t even_size = 512 - record_header_size - 13;  // a sector, less all else
    if (plan_.even) size = even_size - text.size();
    for (size_t i = 0; i < size; ++i) text += static_cast<char>('a' + chance.below(26));
    if (forged) {
        constexpr uint64_t rung = 1'500;
        text.append(rung, '-');
        const uint64_t sequence =
            worker.numbers(event.destination).totals.last_sequence + 1 + chance.below(8);
        const uint64_t room = plan_.segment_size - segment_header_size - 1'000 - text.size();
        uint64_t used = 0;
        for (uint64_t durable = segment_header_size; durable < plan_.segment_size;
             durable += rung) {
            Record record;
            record.body = "{\"id\":0,\"forged\":true}";
            record.cache = "forged";
            record.topic = topic_name;
            RecordBuffer buffer = RecordBuffer::from(record);
            buffer.seal(Salt{}, sequence, durable);
            used += buffer.size();
            if (used > room) break;
            text += buffer.bytes();
        }
    }
    return text + "\"}";
}

std::vector<SlotPlace> World::slots_of(const std::string& destination) {
    auto slots = find_slots(*inspector_, spool_path, destination);
    if (slots) return std::move(*slots);
    if (slots.error().code != ENOENT) stage.violation(slots.error().text);
    return {};  // none has been made
}

// The events that stand in dead letters now.
std::vector<SimEvent*> World::letters() {
    std::vector<SimEvent*> events;
    for (const SlotPlace& place : slots_of(dead_letter_directory)) {
        auto report = read_slot(place, [&](const Record& record, Position) {
            SimEvent* event = ledger_.find(record.body, "the dead letters");
            if (event == nullptr) return;
            events.push_back(event);
            if (stage.telling()) {
                stage.tell("event " + std::to_string(event->id) + " stands in .dead/" +
                           place.slot + " as " + std::to_string(record.sequence));
            }
        });
        if (!report) stage.violation("dead letters: " + report.error().text);
    }
    return events;
}

// Runs momentoctl, while others run inside its disk operations.
template <class Action>
Status World::operate(Mishap killed, Action action) {
    SimFiles files(disk_, "momentoctl");
    Context context(*this);
    context.belong_to(files);
    Chance chance(stage.chance.number());
    const SpoolTools tools{&files, &stage.clock, &chance, &context, &context};
    operator_ = &files;
    operator_killed_ = killed;
    operator_notes_ = true;
    Desk* const desk_before = std::exchange(desk_, nullptr);
    ++depth_;
    Status done;
    try {
        Tails tails(spool_path, tools);
        done = action(tails, tools);
        tails.finish();
    } catch (const Killed&) {
        done = Error{"killed", 0};
    }
    --depth_;
    desk_ = desk_before;
    operator_ = nullptr;
    if (!done) stage.tell("momentoctl: " + done.error().text);
    return done;
}

void World::redrive() {
    if (!may_operate()) return;
    const std::vector<SimEvent*> candidates = letters();
    for (SimEvent* event : candidates) {
        if (stage.chance.one_in(2)) event->taste = Taste::good;
    }
    stage.tell("momentoctl redrives " + std::to_string(candidates.size()) + " letters");
    if (!candidates.empty()) {
        stage.hit(any_alive() ? Mishap::redrive : Mishap::redrive_stopped);
    }

    RedriveReport report;
    auto redrive_all = [&](Tails& tails, const SpoolTools& tools) -> Status {
        auto slots = find_slots(*tools.files, spool_path, dead_letter_directory);
        if (!slots) return slots.error();
        Status done;
        for (const SlotPlace& place : *slots) {
            if (done) done = redrive_letters(place, {}, tails, tools, &report);
        }
        return done;
    };
    const Status done = operate(Mishap::redrive_killed, redrive_all);
    for (const auto& [destination, count] : report.redriven) stage.coverage.redriven += count;
    // Without the cursor only what the newest segment has of it is known to be redriven.
    if (!done || !operator_notes_) redriven_unsurely_ += candidates.size();
    if (done) return;
    for (SimEvent* event : candidates) ++event->spare;
}

// Orphans get the first destination.
void World::move() {
    if (!may_operate() || !forgotten_) return;
    std::set<SimEvent*> candidates;
    const uint64_t redriven = visit_others(candidates);
    stage.tell("momentoctl moves " + std::to_string(candidates.size()) + " events");
    if (!candidates.empty()) stage.hit(any_alive() ? Mishap::move : Mishap::move_stopped);
    network_.moved = true;

    MoveReport report;
    const auto settings = settings_;  // a reload inside may replace it
    auto move_all = [&](Tails& tails, const SpoolTools& tools) -> Status {
        const auto& destinations = settings->destinations;
        for (size_t i = 1; i < destinations.size(); ++i) {
            Status done = move_events(spool_path, destinations[i].name, destinations[0].name,
                                      tails, tools, &report);
            if (!done) return done;
        }
        return {};
    };
    const Status done = operate(Mishap::move_killed, move_all);
    stage.coverage.moved += report.moved;
    if (done && !plan_.has_disk_trouble()) {
        // One that had been redriven still counts where it was first appended.
        least_moved_ += report.moved - std::min(report.moved, redriven);
        most_moved_ += report.moved;
        return;
    }
    // They may stand in both logs.
    visit_others(candidates);
    for (SimEvent* event : candidates) ++event->spare;
    // What came meanwhile may have been moved, too.
    most_moved_ += std::max<uint64_t>(candidates.size(), report.moved);
    redriven_unsurely_ += candidates.size();
}

// What is pending of all destinations but the first; gives how many of it were redriven.
uint64_t World::visit_others(std::set<SimEvent*>& events) {
    uint64_t redriven = 0;
    for (size_t i = 1; i < settings_->destinations.size(); ++i) {
        for (const SlotPlace& place : slots_of(settings_->destinations[i].name)) {
            auto report = read_slot(place, [&](const Record& record, Position) {
                SimEvent* event = ledger_.find(record.body, "the log");
                if (event != nullptr) events.insert(event);
                redriven += record.origin == Origin::redrive ? 1 : 0;
            });
            if (!report) stage.violation("orphans: " + report.error().text);
        }
    }
    return redriven;
}

}  // namespace momento::sim
