// momentoctl drain: waits until nothing is pending.
#include <chrono>
#include <ostream>
#include <thread>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/spool_access.h"

namespace momento::cli {

namespace {

constexpr std::chrono::milliseconds pause{250};

Result<uint64_t> count_pending(const std::string& directory) {
    auto places = find_slots(system_files(), directory);
    if (!places) return places.error();
    uint64_t pending = 0;
    for (const SlotPlace& place : *places) {
        auto slot = read_slot(place, [](const Record&, Position) {});
        if (!slot) return slot.error();
        if (slot->foreign) {
            return Error{"slot \"" + place.destination + "/" + place.slot +
                         "\" has a format that this version does not know"};
        }
        pending += slot->pending;
    }
    return pending;
}

Result<Outcome> drain(const Arguments& arguments, Console& console) {
    std::optional<int64_t> timeout_ms;
    Options options;
    options.duration("--timeout", &timeout_ms);
    Result<Arguments> operands = options.parse(arguments, 0, 1, "one directory");
    if (!operands) return operands.error();
    std::string directory = operands->empty() ? default_spool : operands->front();

    const int64_t start_us = system_clock().steady_us();
    for (;;) {
        Result<uint64_t> pending = count_pending(directory);
        if (!pending) return pending.error();
        if (*pending == 0) return Outcome::fine;
        int64_t waited_ms = (system_clock().steady_us() - start_us) / 1'000;
        if (timeout_ms && waited_ms >= *timeout_ms) {
            console.out << "still pending: " << *pending << '\n';
            return Outcome::found;
        }
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace

const Command drain_command{"drain", "waits until nothing is pending",
                            R"(usage: momentoctl drain [--timeout TIME] [DIR]

Waits until no event is pending in the spool in DIR (default /var/lib/nginx/momento), for the
stop hooks of instances and containers. It delivers nothing itself: a gateway must be running
and should no longer get webhooks. Dead letters do not count. Exit status 1 if events are
still pending after TIME: a number with ms, s, m, h, d or w; default: it waits for ever.
)",
                            drain};

}  // namespace momento::cli
