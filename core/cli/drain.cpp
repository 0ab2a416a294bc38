// momentoctl drain: waits until nothing is pending, and no dead letter is to be moved.
#include <algorithm>
#include <chrono>
#include <map>
#include <ostream>
#include <set>
#include <thread>

#include "base/json.h"
#include "cli/attended.h"
#include "cli/command.h"
#include "cli/letters.h"
#include "cli/progress.h"
#include "cli/spool_access.h"
#include "gateway/queue_note.h"

namespace momento::cli {

namespace {

constexpr std::chrono::milliseconds pause{250};

// Rounds in which the same must be seen before it is believed: a slot may vanish while it is
// read, and one that a process lets go of is somebody's within seconds.
constexpr int rounds_of_failure = 2;
constexpr int rounds_without_owner = 20;

struct Left {
    std::map<std::string, uint64_t> events;  // by destination
    uint64_t letters = 0;                    // to be moved to a queue
    std::map<std::string, Error> failed;     // by slot; what cannot be told
    std::set<std::string> unattended;        // destinations with events that no process has

    uint64_t all_events() const {
        uint64_t sum = 0;
        for (const auto& [destination, count] : events) sum += count;
        return sum;
    }
    bool is_nothing() const { return all_events() == 0 && letters == 0; }
};

// Records in this slot that are pending, and wanted. One that cannot be read hides no other.
template <class Wanted>
uint64_t count(const SlotPlace& place, Wanted wanted, Left& left) {
    uint64_t found = 0;
    auto slot = read_slot(
        place, [&](const Record& record, Position) { found += wanted(record) ? 1 : 0; });
    if (slot && !slot->foreign) {
        return found + slot->unreadable;  // and nobody can tell whether that is wanted
    }
    left.failed.emplace(slot_name(place),
                        slot ? Error{"its format is not known to this version"} : slot.error());
    return found;
}

void count_events(const std::string& directory, const std::vector<SlotPlace>& places,
                  Left& left) {
    const Attended attended(directory);
    std::set<std::string> owned;
    bool is_gateway_seen = false;
    for (const SlotPlace& place : places) {
        const bool has_owner = attended.has(place);
        is_gateway_seen = is_gateway_seen || has_owner;
        if (has_owner) owned.insert(place.destination);
        const uint64_t found = count(
            place, [](const Record&) { return true; }, left);
        if (found > 0) left.events[place.destination] += found;
    }
    if (!is_gateway_seen) return;  // stopped, or not to be seen from here
    for (const auto& [destination, number] : left.events) {
        if (owned.count(destination) == 0) left.unattended.insert(destination);
    }
}

// Those that stay in the spool do not count: what no queue is configured for, or none takes.
Status count_letters_to_move(const std::string& directory, Left& left) {
    auto forms = read_queue_note(system_files(), directory);
    if (!forms) {
        left.failed.emplace("dead letters", forms.error());
        return {};
    }
    if (forms->empty()) return {};
    auto places = find_slots(system_files(), directory, dead_letter_directory);
    if (!places) return places.error();
    auto is_wanted = [&forms](const Record& letter) {
        return std::any_of(forms->begin(), forms->end(), [&letter](const LetterForm& form) {
            return is_for_queue(letter, form);
        });
    };
    for (const SlotPlace& place : *places) left.letters += count(place, is_wanted, left);
    return {};
}

Result<Left> look(const std::string& directory) {
    Left left;
    // Events first: one that dies meanwhile is a letter before it is no event any more.
    auto places = find_slots(system_files(), directory);
    if (!places) return places.error();
    count_events(directory, *places, left);
    if (Status status = count_letters_to_move(directory, left); !status) return status.error();
    return left;
}

// What was seen in several rounds, one after the other.
class Patience {
  public:
    explicit Patience(Console& console) : console_(console) {}

    void see(const Left& left) {
        keep(left.failed, failing_);
        for (const auto& [name, error] : left.failed) {
            if (++failing_[name] == rounds_of_failure) console_.say(name + ": " + error.text);
        }
        keep(left.unattended, without_owner_);
        for (const std::string& name : left.unattended) without_owner_[name]++;
    }

    bool is_sure_of_failures() const {
        return std::all_of(failing_.begin(), failing_.end(),
                           [](const auto& each) { return each.second >= rounds_of_failure; });
    }
    bool is_orphan(const std::string& destination) const {
        auto found = without_owner_.find(destination);
        return found != without_owner_.end() && found->second >= rounds_without_owner;
    }

  private:
    using Rounds = std::map<std::string, int>;

    template <class Seen>
    static void keep(const Seen& seen, Rounds& rounds) {
        for (auto each = rounds.begin(); each != rounds.end();) {
            each = seen.count(each->first) > 0 ? std::next(each) : rounds.erase(each);
        }
    }

    Console& console_;
    Rounds failing_;
    Rounds without_owner_;
};

std::string progress_line(const Left& left, const Patience& patience) {
    std::string line = "pending " + std::to_string(left.all_events());
    if (!left.events.empty()) line += ": " + list_counts(left.events);
    if (left.letters > 0) line += "; letters to a queue: " + std::to_string(left.letters);
    for (const auto& [destination, number] : left.events) {
        if (patience.is_orphan(destination)) line += "; \"" + destination + "\": orphans?";
    }
    return line;
}

void print_text(const Left& left, const Patience& patience, std::ostream& out) {
    if (const uint64_t events = left.all_events(); events > 0) {
        out << "still pending: " << events << " (" << list_counts(left.events) << ")\n";
    }
    for (const auto& [destination, number] : left.events) {
        if (!patience.is_orphan(destination)) continue;
        out << "orphans? No process has those of \"" << destination
            << "\": if the configuration does not name it, \"momentoctl spool move\" helps\n";
    }
    if (left.letters > 0)
        out << "dead letters not yet in their queue: " << left.letters << '\n';
}

void print_json(const Left& left, const Patience& patience, std::ostream& out) {
    Json pending = Json::object();
    Json orphans = Json::array();
    for (const auto& [destination, number] : left.events) {
        pending.set(destination.c_str(), Json::integer(static_cast<int64_t>(number)));
        if (patience.is_orphan(destination)) orphans.append(Json::string(destination));
    }
    out << Json::object()
               .set("pending", pending)
               .set("letters_to_move", Json::integer(static_cast<int64_t>(left.letters)))
               .set("orphans", orphans)
               .set("cannot_be_read", Json::integer(static_cast<int64_t>(left.failed.size())))
               .dump()
        << '\n';
}

Result<Outcome> finish(const Left& left, const Patience& patience, const Given& given,
                       Console& console) {
    console.clear_progress();
    if (given.flag("--json")) {
        print_json(left, patience, console.out);
    } else {
        print_text(left, patience, console.out);
    }
    if (const size_t failed = left.failed.size(); failed > 0) {
        if (!patience.is_sure_of_failures()) {
            for (const auto& [name, error] : left.failed) console.say(name + ": " + error.text);
        }
        return Error{"what is pending cannot be told of " + std::to_string(failed) +
                     (failed == 1 ? " slot" : " slots")};
    }
    return left.is_nothing() ? Outcome::fine : Outcome::found;
}

Result<Outcome> drain(const Given& given, Console& console) {
    Result<std::string> directory = find_spool(given.operands(), console);
    if (!directory) return directory.error();
    const std::optional<int64_t> timeout_ms = given.milliseconds("--timeout");

    const int64_t start_us = system_clock().steady_us();
    Patience patience(console);
    Progress progress(console, given);
    for (;;) {
        Result<Left> left = look(*directory);
        if (!left) return left.error();
        patience.see(*left);
        const bool is_over = left->is_nothing() && patience.is_sure_of_failures();
        const int64_t waited_ms = (system_clock().steady_us() - start_us) / 1'000;
        if (is_over || (timeout_ms && waited_ms >= *timeout_ms)) {
            return finish(*left, patience, given, console);
        }
        progress.show([&] { return progress_line(*left, patience); });
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace

const Command drain_command{
    "drain",
    "waits until nothing is pending",
    {"[--timeout TIME] [DIR]"},
    R"(Waits until no event is pending in the spool in DIR, for the stop hooks of instances and
containers. With "dead_letter sqs" it waits for dead letters, too, until they are in their
queue; those that are to stay in the spool do not count, and neither do those that SQS cannot
hold. It delivers nothing itself: a gateway must be running and should no longer get webhooks.
On a terminal it shows what is left. It waits for all that it can read, whatever it cannot.
)",
    {{"--timeout", "TIME",
      "a number with ms, s, m, h, d or w, or of seconds; default: it waits for ever",
      Option::Kind::duration}},
    R"(Exit status 1 if something is left after TIME, with how much of it and where; why is in the
gateway's log. Exit status 2 if there is a slot that cannot be read; the others were waited for.
)",
    drain};

}  // namespace momento::cli
