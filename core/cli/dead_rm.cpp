// momentoctl dead rm.
#include <istream>
#include <map>
#include <ostream>
#include <set>
#include <utility>

#include "base/json.h"
#include "cli/command.h"
#include "cli/letters.h"
#include "cli/spool_access.h"

namespace momento::cli {

namespace {

// Asks whoever sits there; yes where nobody does.
bool may_remove(const Census& census, const Given& given, Console& console) {
    if (!console.terminal.in || !console.terminal.err || given.flag("--force")) return true;
    console.err << "remove " << census.matching()
                << (census.matching() == 1 ? " dead letter" : " dead letters") << " for good ("
                << printable(list_counts(census.matching_by_reason())) << ")? [y/N] "
                << std::flush;
    std::string answer;
    std::getline(console.in, answer);
    return answer == "y" || answer == "Y" || answer == "yes";
}

void print(uint64_t removed, uint64_t left, const Given& given, std::ostream& out) {
    const bool dry_run = given.flag("--dry-run");
    if (given.flag("--json")) {
        out << Json::object()
                   .set("dry_run", Json::boolean(dry_run))
                   .set("removed", Json::integer(static_cast<int64_t>(removed)))
                   .set("left", Json::integer(static_cast<int64_t>(left)))
                   .dump()
            << '\n';
        return;
    }
    out << (dry_run ? "would remove: " : "removed: ") << removed << '\n';
    if (left > 0) out << "left: " << left << " that may not be on disk yet; try again\n";
}

struct Removal {
    uint64_t removed = 0;
    uint64_t left = 0;  // not surely on disk yet
    Status status;      // of all slots
};

// Those, and no others: what has come meanwhile was not asked about.
Removal remove_chosen(const std::string& directory, std::set<LetterId> chosen,
                      Console& console) {
    Removal removal;
    auto places = find_letters(directory);
    if (!places) {
        removal.status = places.error();
        return removal;
    }
    std::map<std::string, uint64_t> expected;  // by slot
    for (const LetterId& id : chosen) expected[id.slot]++;
    LetterFilter filter;
    filter.ids = std::move(chosen);
    ConsoleLogger logger(console);
    FailedSlots failed(console);
    for (const SlotPlace& place : *places) {
        if (expected.count(place.slot) == 0) continue;
        const Result<uint64_t> count = remove_letters(place, filter, system_tools(logger));
        if (!count) {
            failed.add(place, count.error());
            continue;
        }
        removal.removed += *count;
        removal.left += expected[place.slot] - *count;
    }
    removal.status = failed.status();
    return removal;
}

Result<Outcome> remove(const Given& given, Console& console) {
    Result<LetterRequest> request = read_letter_request(given, console);
    if (!request) return request.error();
    LetterFilter& filter = request->filter;
    filter.older_than_ms = given.milliseconds("--older-than").value_or(-1);
    if (!filter.ids && filter.reason.empty() && filter.older_than_ms < 0) {
        return Error{
            "all of them? Give IDs, --reason, or --older-than with a time such as 30d"};
    }
    if (Status status = become_owner(request->directory); !status) return status.error();

    std::set<LetterId> chosen;
    Census census;
    const Status seen = for_each_letter(
        *request, console, census, [&chosen](const SlotPlace& place, const Record& letter) {
            chosen.insert({place.slot, letter.sequence});
        });
    const Outcome outcome = census.report(filter, console);
    Removal removal;
    if (given.flag("--dry-run")) {
        removal.removed = chosen.size();
    } else if (!chosen.empty()) {
        if (!may_remove(census, given, console)) return Outcome::found;
        removal = remove_chosen(request->directory, std::move(chosen), console);
    }
    print(removal.removed, removal.left, given, console.out);
    if (!removal.status) return removal.status.error();
    if (!seen) return seen.error();
    return removal.left > 0 ? Outcome::found : outcome;
}

}  // namespace

const Command dead_rm_command{
    "dead rm",
    "removes dead letters",
    {"[ID]... [--reason CODE] [--older-than TIME] [OPTION]... [DIR]"},
    R"(Removes dead letters of the spool in DIR: those with these IDs, as "dead ls" prints them, this
reason, or a last attempt longer ago than TIME; where several are given, what all of them
mean. They are gone for good: on a terminal it asks first. Run as root, it takes the user and
group of the spool's owner first. Exit status 1 if letters that match were left.
)",
    {reason_option(),
     {"--older-than", "TIME", "a number with a unit: ms, s, m, h, d or w, such as 30d",
      Option::Kind::age},
     {"--dry-run", "", "says how many would go, and does nothing", Option::Kind::flag},
     {"--force", "", "asks nothing", Option::Kind::flag}},
    "",
    remove};

}  // namespace momento::cli
