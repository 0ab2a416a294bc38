// momentoctl spool: what is pending, read beside a running gateway or not.
#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <ostream>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/spool_access.h"
#include "cli/table.h"

namespace momento::cli {

namespace {

Result<Outcome> list_slots(const Given& given, Console& console) {
    Result<std::string> directory = find_spool(given.operands(), console);
    if (!directory) return directory.error();
    const bool as_json = given.flag("--json");
    auto places = find_slots(system_files(), *directory);
    if (!places) return places.error();

    FailedSlots failed(console);
    Table table({"DESTINATION", "SLOT", "PENDING", "UNREADABLE", "OLDEST", "BYTES"});
    for (const SlotPlace& place : *places) {
        int64_t oldest_ms = 0;
        auto slot = read_slot(place, [&](const Record& record, Position) {
            if (oldest_ms == 0 || record.accepted_ms < oldest_ms) {
                oldest_ms = record.accepted_ms;
            }
        });
        if (!slot) {
            failed.add(place, slot.error());
            if (!as_json) {
                table.add({place.destination, place.slot, "cannot be read", "", "", ""});
            }
            continue;
        }
        if (as_json) {
            const SlotTotals& totals = slot->cursor.totals;
            Json json = Json::object();
            json.set("destination", Json::string(place.destination))
                .set("slot", Json::string(place.slot))
                .set("known_format", Json::boolean(!slot->foreign))
                .set("pending", Json::integer(static_cast<int64_t>(slot->pending)))
                .set("unreadable", Json::integer(static_cast<int64_t>(slot->unreadable)))
                .set("oldest", oldest_ms == 0 ? Json() : Json::string(format_time(oldest_ms)))
                .set("delivered", Json::integer(static_cast<int64_t>(totals.delivered)))
                .set("dead", Json::integer(static_cast<int64_t>(totals.dead)))
                .set("damaged",
                     Json::integer(static_cast<int64_t>(totals.damaged + slot->lost)))
                .set("bytes", Json::integer(static_cast<int64_t>(slot->bytes)));
            console.out << json.dump() << '\n';
        } else {
            table.add({place.destination, place.slot,
                       slot->foreign ? "unknown format" : std::to_string(slot->pending),
                       std::to_string(slot->unreadable), format_time(oldest_ms),
                       std::to_string(slot->bytes)});
        }
    }
    if (!as_json) table.print(console.out);
    if (Status all = failed.status(); !all) return all.error();
    return Outcome::fine;
}

Result<Outcome> print_records(const Given& given, Console& console) {
    Result<std::string> directory = find_spool(given.operands(), console);
    if (!directory) return directory.error();
    const bool as_json = given.flag("--json");
    auto places = find_slots(system_files(), *directory);
    if (!places) return places.error();

    FailedSlots failed(console);
    for (const SlotPlace& place : *places) {
        auto slot = read_slot(place, [&](const Record& record, Position) {
            if (as_json) {
                console.out << describe(place, record).dump() << '\n';
                return;
            }
            console.out << place.slot << ':' << record.sequence << "  "
                        << format_time(record.accepted_ms) << "  " << place.destination
                        << "  attempts: " << record.attempts << '\n'
                        << printable(record.body) << "\n\n";
        });
        if (!slot) failed.add(place, slot.error());
    }
    if (Status all = failed.status(); !all) return all.error();
    return Outcome::fine;
}

// Events and dead letters alike.
Result<std::vector<SlotPlace>> find_all_slots(const std::string& directory) {
    auto places = find_slots(system_files(), directory);
    if (!places) return places;
    auto letters = find_slots(system_files(), directory, dead_letter_directory);
    if (!letters) {
        if (letters.error().code == ENOENT) return places;
        return letters;
    }
    std::move(letters->begin(), letters->end(), std::back_inserter(*places));
    return places;
}

Result<Outcome> verify(const Given& given, Console& console) {
    Result<std::string> directory = find_spool(given.operands(), console);
    if (!directory) return directory.error();
    const bool as_json = given.flag("--json");
    auto places = find_all_slots(*directory);
    if (!places) return places.error();

    bool found = false;
    uint64_t whole = 0;
    for (const SlotPlace& place : *places) {
        auto slot = read_slot(place, [](const Record&, Position) {});
        std::vector<std::string> findings;
        if (!slot) {
            findings = {slot.error().text};
        } else {
            findings = slot->findings;
            whole += slot->pending;
            if (slot->foreign) {
                findings.emplace_back("its format is not known to this version");
            }
        }
        found = found || !findings.empty();
        for (const std::string& finding : findings) {
            if (as_json) {
                Json json = Json::object();
                json.set("destination", Json::string(place.destination))
                    .set("slot", Json::string(place.slot))
                    .set("finding", Json::string(finding));
                console.out << json.dump() << '\n';
            } else {
                console.out << place.destination << '/' << place.slot << ": "
                            << printable(finding) << '\n';
            }
        }
    }
    if (!as_json) {
        console.out << places->size() << " slots, " << whole << " records whole\n";
    }
    return found ? Outcome::found : Outcome::fine;
}

}  // namespace

const Command spool_ls_command{
    "spool ls",
    "lists the slots of a spool, and what is pending in them",
    {"[DIR]"},
    R"(Lists every slot of the spool in DIR: its destination, how many events are pending, when the
oldest was accepted, and the bytes on disk. Changes nothing and takes no lock; a gateway may be
running.
)",
    {},
    "",
    list_slots};

const Command spool_cat_command{
    "spool cat",
    "prints the pending events",
    {"[DIR]"},
    R"(Prints every pending event of the spool in DIR, the body as it arrived. Changes nothing and
takes no lock; a gateway may be running. With --json a body that is not UTF-8 is
"body_base64".
)",
    {},
    "",
    print_records};

const Command spool_verify_command{
    "spool verify",
    "checks every record that is pending",
    {"[DIR]"},
    R"(Reads every pending record and dead letter of the spool in DIR and checks it. Changes nothing
and takes no lock; a gateway may be running. Exit status 1 if something is damaged, lost, or of
an unknown format.
)",
    {},
    "",
    verify};

}  // namespace momento::cli
