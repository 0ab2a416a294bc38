#include "coverage.h"

#include <cstdio>

#include "spool/move.h"
#include "spool/redrive.h"
#include "spool/steps.h"

namespace momento::sim {

const char* name(Mishap mishap) {
    switch (mishap) {
        case Mishap::read_error:
            return "read: EIO";
        case Mishap::write_error:
            return "write: EIO";
        case Mishap::short_write:
            return "short write, then an error";
        case Mishap::sync_error:
            return "fdatasync: EIO";
        case Mishap::directory_sync_error:
            return "fsync of a directory: EIO";
        case Mishap::open_error:
            return "open: EIO";
        case Mishap::create_error:
            return "create: EIO";
        case Mishap::rename_error:
            return "rename: EIO";
        case Mishap::link_error:
            return "link: EIO";
        case Mishap::remove_error:
            return "remove: EIO";
        case Mishap::list_error:
            return "list: EIO";
        case Mishap::lock_error:
            return "lock: EIO";
        case Mishap::write_no_space:
            return "write: ENOSPC";
        case Mishap::create_no_space:
            return "create: ENOSPC";
        case Mishap::disk_full:
            return "disk full for a while";
        case Mishap::disk_stall:
            return "disk stalls";
        case Mishap::helper_hangs:
            return "a helper begins seconds later";
        case Mishap::unreadable_range:
            return "read of some pages: EIO";
        case Mishap::unreadable_file:
            return "open of a file: EACCES";
        case Mishap::blank_segment:
            return "a segment is blank";
        case Mishap::missing_segment:
            return "a segment is gone";
        case Mishap::not_connected:
            return "connection refused";
        case Mishap::connect_timeout:
            return "connection timed out";
        case Mishap::lost_unseen:
            return "request lost";
        case Mishap::lost_published:
            return "answer lost, published";
        case Mishap::reset_unseen:
            return "reset before it was read";
        case Mishap::reset_published:
            return "reset after it was read, published";
        case Mishap::server_error_unseen:
            return "5xx, not published";
        case Mishap::server_error_published:
            return "5xx, published";
        case Mishap::cut_answer:
            return "half an answer, published";
        case Mishap::request_throttled:
            return "request throttled";
        case Mishap::request_forbidden:
            return "request forbidden";
        case Mishap::event_forbidden:
            return "an event forbidden";
        case Mishap::entry_throttled:
            return "entry throttled";
        case Mishap::entry_failed:
            return "entry failed";
        case Mishap::slow_answer:
            return "slow answer";
        case Mishap::arrived_late:
            return "published after its sender had given up";
        case Mishap::clock_step:
            return "wall clock stepped";
        case Mishap::clock_refused:
            return "signature refused for its time";
        case Mishap::reload:
            return "reload";
        case Mishap::fewer_workers:
            return "reload with fewer workers";
        case Mishap::smaller_bounds:
            return "reload with smaller bounds";
        case Mishap::quit:
            return "quit";
        case Mishap::kill:
            return "worker killed";
        case Mishap::thread_end:
            return "thread ended";
        case Mishap::power_loss:
            return "power lost";
        case Mishap::redrive:
            return "redrive";
        case Mishap::redrive_stopped:
            return "redrive while no worker runs";
        case Mishap::redrive_killed:
            return "redrive killed";
        case Mishap::forget:
            return "reload without a destination";
        case Mishap::move:
            return "move";
        case Mishap::move_stopped:
            return "move while no worker runs";
        case Mishap::move_killed:
            return "move killed";
        case Mishap::count:
            break;
    }
    return "";
}

const std::vector<const char*>& crash_steps() {
    static const std::vector<const char*> all = [] {
        std::vector<const char*> names(std::begin(steps::all), std::end(steps::all));
        names.push_back(steps::redriven_appended);
        names.push_back(steps::redriven_marked);
        names.push_back(steps::moved_appended);
        names.push_back(steps::moved_released);
        return names;
    }();
    return all;
}

std::vector<std::string> Coverage::gaps() const {
    std::vector<std::string> gaps;
    for (size_t i = 0; i < crash_steps().size(); ++i) {
        if (killed_at[i] + power_lost_at[i] == 0) {
            gaps.push_back(std::string("crash at \"") + crash_steps()[i] + '"');
        }
    }
    for (size_t i = 0; i < mishaps.size(); ++i) {
        if (mishaps[i] == 0) gaps.push_back(name(static_cast<Mishap>(i)));
    }
    return gaps;
}

std::string Coverage::table() const {
    std::string text;
    char line[400];
    auto add = [&](const char* format, auto... values) {
        std::snprintf(line, sizeof line, format, values...);
        text += line;
    };
    auto number = [](const Count& count) {
        return static_cast<unsigned long long>(count.load());
    };
    add("%-44s %10s %10s\n", "crash at", "killed", "power lost");
    for (size_t i = 0; i < crash_steps().size(); ++i) {
        add("  %-42s %10llu %10llu\n", crash_steps()[i], number(killed_at[i]),
            number(power_lost_at[i]));
    }
    add("%-44s %10s %10s\n", "crash at any", "before", "after");
    for (size_t i = 0; i < operation_count; ++i) {
        add("  %-42s %10llu %10llu\n", name(static_cast<Operation>(i)),
            number(crashed_before[i]), number(crashed_after[i]));
    }
    add("%-44s %10s\n", "mishap", "times");
    for (size_t i = 0; i < mishaps.size(); ++i) {
        add("  %-42s %10llu\n", name(static_cast<Mishap>(i)), number(mishaps[i]));
    }
    add("%llu seeds: %llu events, %llu crashes, %llu faults;\n", number(seeds), number(events),
        number(crashes), number(faults));
    add("%llu acknowledged, %llu refused (%llu of them late), %llu unanswered;\n",
        number(acknowledged), number(refused), number(late), number(unanswered));
    add("%llu delivered, %llu duplicates, %llu dead letters, %llu redriven, %llu moved;\n",
        number(delivered), number(duplicates), number(letters), number(redriven),
        number(moved));
    add("%llu lost (and %llu that sync=os had not synced when the power went);\n", number(lost),
        number(lost_unsynced));
    add("%llu steps in %.1f simulated hours\n", number(steps),
        static_cast<double>(number(simulated_ms)) / 3'600'000);
    return text;
}

}  // namespace momento::sim
