#include "audit.h"

#include <algorithm>

#include "spool/slot_reader.h"

namespace momento::sim {

void Audit::before_power_loss() {
    check_slots();
    check_alerts();
}

// A last one: what counts as a durable letter must stand then.
void Audit::after_power_loss() {
    read_letters();
    for (const SimEvent& event : world_.ledger_.events()) check_event(event);
    for (const std::string& breach : world_.disk_.breaches()) world_.stage.violation(breach);
    if (world_.ledger_.events().size() < 200) {
        world_.stage.violation("fewer than 200 events were played");
    }
    if (world_.crashes_ < 3) world_.stage.violation("fewer than three crashes were played");
    if (world_.stage.faults == 0) world_.stage.violation("no fault was played");
}

void Audit::read_letters() {
    for (SimEvent* event : world_.letters()) {
        ++event->letters;
        ++world_.stage.coverage.letters;
    }
}

void Audit::check_event(const SimEvent& event) {
    Coverage& coverage = world_.stage.coverage;
    const std::string who = "event " + std::to_string(event.id);
    ++coverage.events;
    switch (event.answer) {
        case Answer::ok:
            ++coverage.acknowledged;
            break;
        case Answer::refused:
            ++coverage.refused;
            check_refusal(event);
            break;
        case Answer::cut:
            ++coverage.unanswered;
            break;
        case Answer::none:
            world_.stage.violation(who + " was never answered");
    }
    if (event.late) ++coverage.late;
    if (event.published > 0) ++coverage.delivered;
    if (event.published > 1) coverage.duplicates += event.published - 1;

    const bool kept = event.letters > 0 || (event.published > 0 && !event.malformed);
    if (event.answer == Answer::ok && !kept) {
        ++(event.may_be_lost ? coverage.lost_unsynced : coverage.lost);
    }
    if (event.answer == Answer::ok && !kept && !event.may_be_lost) {
        world_.stage.violation(who + " was acknowledged, and is lost");
    }
    // Every refusal may have left a letter, and one that could not surely be stored two.
    uint64_t explained = 1 + event.spare + event.copies;
    if (event.refusals > 0) explained += event.refusals - 1 + world_.letter_faults_;
    if (event.published > explained) {
        world_.stage.violation(who + " was published " + std::to_string(event.published) +
                               " times, " + std::to_string(explained) + " can be explained");
    }
    if (event.malformed && event.published > 0) {
        world_.stage.violation(who + " is malformed, and was published");
    }
}

// 503 only when durability is impossible.
void Audit::check_refusal(const SimEvent& event) {
    const Plan& plan = world_.plan_;
    const bool was_impossible = plan.has_disk_trouble() || !plan.stalls_us.empty() ||
                                world_.log_was_full_ || event.late;
    if (!was_impossible) {
        world_.stage.violation("event " + std::to_string(event.id) +
                               " was refused, and nothing was wrong");
    }
}

bool Audit::may_lose() const {
    return world_.plan_.sync == SyncMode::os || world_.plan_.has_disk_trouble();
}

void Audit::check_slots() {
    Stage& stage = world_.stage;
    SlotTotals sum;
    for (const DestinationSettings& destination : world_.settings_->destinations) {
        for (const SlotPlace& place : world_.slots_of(destination.name)) {
            auto report = read_slot(place, [](const Record&, Position) {});
            const std::string who = "slot " + destination.name + "/" + place.slot;
            if (!report) {
                stage.violation(who + ": " + report.error().text);
                continue;
            }
            const SlotTotals& totals = report->cursor.totals;
            if (totals.pending() != 0) {
                stage.violation(who + ": " + std::to_string(totals.pending()) +
                                " records are pending at the end");
            }
            if (totals.damaged > 0 && !may_lose()) {
                stage.violation(who + ": " + std::to_string(totals.damaged) +
                                " records count as damaged");
            }
            for (const std::string& finding : report->findings) {
                if (!may_lose()) stage.violation(who + ": " + finding);
            }
            sum.last_sequence += totals.last_sequence;
            sum.delivered += totals.delivered;
            sum.dead += totals.dead;
            sum.requeued += totals.requeued;
            sum.damaged += totals.damaged;
            sum.redriven += totals.redriven;
        }
    }

    uint64_t given = 0;
    uint64_t acknowledged = 0;
    uint64_t published = 0;
    uint64_t requeued_twice = 0;
    uint64_t copies = 0;
    for (const SimEvent& event : world_.ledger_.events()) {
        published += event.published;
        copies += event.copies;
        if (event.malformed) continue;
        ++given;
        if (event.answer == Answer::ok && !event.may_be_lost) ++acknowledged;
        if (event.failing_until_us > 0) requeued_twice += world_.crashes_;
    }
    if (sum.delivered > published) {
        stage.violation(std::to_string(sum.delivered) + " records count as delivered, " +
                        std::to_string(published) + " events were published");
    }
    const uint64_t appended = sum.last_sequence - sum.requeued - sum.redriven - sum.damaged;
    // What was moved counts in neither destination as appended.
    if (appended + world_.least_moved_ >
        given + requeued_twice + copies + world_.redriven_unsurely_) {
        stage.violation(std::to_string(appended) + " events count as appended, " +
                        std::to_string(given) + " were given");
    }
    // What momentoctl was told is not stored may count as redriven, and as damaged, too; and
    // what was redriven to a segment that was spoilt: twice, if there were two letters of it.
    const uint64_t counted_twice = std::min(
        {sum.redriven, sum.damaged, world_.redriven_unsurely_ + world_.redriven_spoilt_});
    if (appended + counted_twice + world_.most_moved_ < acknowledged) {
        stage.violation(std::to_string(appended) + " events count as appended, " +
                        std::to_string(acknowledged) + " were acknowledged");
    }
}

void Audit::check_alerts() {
    for (const std::string& alert : world_.alerts_) {
        const bool lost = alert.find("are lost") != std::string::npos ||
                          alert.find("cannot be read") != std::string::npos ||
                          alert.find("are damaged") != std::string::npos ||
                          alert.find("delivered again") != std::string::npos;
        const bool asked_for =
            world_.plan_.has_disk_trouble() ||
            (lost && world_.plan_.sync == SyncMode::os && world_.power_was_lost_);
        if (!asked_for)
            world_.stage.violation("an alert that the plan did not ask for: " + alert);
    }
}

}  // namespace momento::sim
