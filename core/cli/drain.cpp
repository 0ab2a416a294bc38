// momentoctl drain: waits until nothing is pending, and no dead letter is to be moved.
#include <algorithm>
#include <chrono>
#include <ostream>
#include <thread>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/spool_access.h"
#include "gateway/queue_note.h"

namespace momento::cli {

namespace {

constexpr std::chrono::milliseconds pause{250};

// Records in these slots that are pending, and wanted.
template <class Wanted>
Result<uint64_t> count(const std::vector<SlotPlace>& places, Wanted wanted) {
    uint64_t found = 0;
    for (const SlotPlace& place : places) {
        auto slot = read_slot(
            place, [&](const Record& record, Position) { found += wanted(record) ? 1 : 0; });
        if (!slot) return slot.error();
        if (slot->foreign) {
            return Error{"slot \"" + place.destination + "/" + place.slot +
                         "\" has a format that this version does not know"};
        }
        found += slot->unreadable;  // and nobody can tell whether it is wanted
    }
    return found;
}

Result<uint64_t> count_events(const std::string& directory) {
    auto places = find_slots(system_files(), directory);
    if (!places) return places.error();
    return count(*places, [](const Record&) { return true; });
}

// Those that stay in the spool do not count: what no queue is configured for, or none takes.
Result<uint64_t> count_letters_to_move(const std::string& directory) {
    auto forms = read_queue_note(system_files(), directory);
    if (!forms) return forms.error();
    if (forms->empty()) return uint64_t{0};
    auto places = find_slots(system_files(), directory, dead_letter_directory);
    if (!places) return places.error();
    return count(*places, [&forms](const Record& letter) {
        return std::any_of(forms->begin(), forms->end(), [&letter](const LetterForm& form) {
            return is_for_queue(letter, form);
        });
    });
}

Result<Outcome> drain(const Arguments& arguments, Console& console) {
    std::optional<int64_t> timeout_ms;
    Options options;
    options.duration("--timeout", &timeout_ms);
    Result<Arguments> operands = options.parse(arguments, 0, 1, "one directory");
    if (!operands) return operands.error();
    std::string directory = operands->empty() ? default_spool : operands->front();
    if (Status spool = check_spool(directory); !spool) return spool.error();

    const int64_t start_us = system_clock().steady_us();
    for (;;) {
        // Events first: one that dies meanwhile is a letter before it is no event any more.
        Result<uint64_t> events = count_events(directory);
        if (!events) return events.error();
        Result<uint64_t> letters = count_letters_to_move(directory);
        if (!letters) return letters.error();
        if (*events == 0 && *letters == 0) return Outcome::fine;
        int64_t waited_ms = (system_clock().steady_us() - start_us) / 1'000;
        if (timeout_ms && waited_ms >= *timeout_ms) {
            if (*events > 0) console.out << "still pending: " << *events << '\n';
            if (*letters > 0)
                console.out << "dead letters not yet in their queue: " << *letters << '\n';
            return Outcome::found;
        }
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace

const Command drain_command{"drain", "waits until nothing is pending",
                            R"(usage: momentoctl drain [--timeout TIME] [DIR]

Waits until no event is pending in the spool in DIR (default /var/lib/nginx/momento), for the
stop hooks of instances and containers. With "dead_letter sqs" it waits for dead letters, too,
until they are in their queue; those that are to stay in the spool do not count, and neither
do those that SQS cannot hold. It delivers nothing itself: a gateway must be running and should
no longer get webhooks. Exit status 1 if something is left after TIME, and how much of it; why
is in the gateway's log. TIME is a number with ms, s, m, h, d or w, or of seconds; default: it
waits for ever.
)",
                            drain};

}  // namespace momento::cli
