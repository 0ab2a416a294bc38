// momentoctl dead ls and cat: what was refused for good.
#include <ostream>

#include "cli/command.h"
#include "cli/letters.h"
#include "cli/spool_access.h"
#include "cli/table.h"

namespace momento::cli {

namespace {

constexpr size_t longest_message = 100;  // bytes of the column; `dead cat` has all

std::string subject(const Record& letter) {
    if (letter.cache.empty() || letter.topic.empty()) return "-";
    return std::string(letter.cache) + '#' + std::string(letter.topic);
}

// In one line, cut between two characters.
std::string short_message(std::string_view message) {
    size_t size = std::min(message.size(), longest_message);
    while (size < message.size() && size > 0 && (message[size] & 0xc0) == 0x80) --size;
    std::string text(message.substr(0, size));
    for (char& c : text) {
        if (c == '\n' || c == '\t') c = ' ';
    }
    if (size < message.size()) text += "...";
    return text.empty() ? "-" : text;
}

using Visit = std::function<void(const SlotPlace&, const Record&)>;

// As JSON, or as `visit` prints it.
Result<Outcome> show(const LetterRequest& request, const Given& given, Console& console,
                     const Visit& visit, const std::function<void()>& finish) {
    Census census;
    const bool as_json = given.flag("--json");
    const Status status =
        for_each_letter(request, console, census, [&](const auto& place, const auto& letter) {
            if (!as_json) return visit(place, letter);
            console.out << describe(place, letter).dump() << '\n';
        });
    if (!as_json) finish();
    const Outcome outcome = census.report(request.filter, console);
    if (!status) return status.error();
    return outcome;
}

Result<Outcome> list_letters(const Given& given, Console& console) {
    Result<LetterRequest> request = read_letter_request(given, console);
    if (!request) return request.error();
    Table table({"ID", "TIME", "DESTINATION", "REASON", "ATTEMPTS", "EVENT", "MESSAGE"});
    auto add = [&table](const SlotPlace& place, const Record& letter) {
        table.add({letter_id(place, letter), format_time(letter_time_ms(letter)),
                   std::string(letter.destination), std::string(letter.reason_code),
                   std::to_string(letter.attempts), subject(letter),
                   short_message(letter.reason_message)});
    };
    return show(*request, given, console, add, [&] { table.print(console.out); });
}

Result<Outcome> print_letters(const Given& given, Console& console) {
    Result<LetterRequest> request = read_letter_request(given, console);
    if (!request) return request.error();
    auto print = [&console](const SlotPlace& place, const Record& letter) {
        console.out << letter_id(place, letter)
                    << "\n  destination:   " << printable(letter.destination)
                    << "\n  reason:        " << printable(letter.reason_code)
                    << "\n  message:       " << printable(letter.reason_message)
                    << "\n  accepted:      " << format_time(letter.accepted_ms)
                    << "\n  attempts:      " << letter.attempts
                    << "\n  first attempt: " << format_time(letter.first_attempt_ms)
                    << "\n  last attempt:  " << format_time(letter.last_attempt_ms) << '\n'
                    << printable(letter.body) << "\n\n";
    };
    return show(*request, given, console, print, [] {});
}

}  // namespace

const Command dead_ls_command{
    "dead ls",
    "lists the dead letters",
    {"[ID]... [--reason CODE] [DIR]"},
    R"(Lists the dead letters of the spool in DIR: events that were refused for good and wait for a
person, with what the destination said. Changes nothing and takes no lock; a gateway may be
running. Exit status 1 if there is no letter with an ID that was given.
)",
    {reason_option()},
    "",
    list_letters};

const Command dead_cat_command{
    "dead cat",
    "prints dead letters, with the reason and the event as it arrived",
    {"[ID]... [--reason CODE] [DIR]"},
    R"(Prints the dead letters of the spool in DIR, or those with these IDs, as "dead ls" prints
them: each with what the destination said and the event as it arrived. Changes nothing and
takes no lock; a gateway may be running. With --json a body that is not UTF-8 is
"body_base64". Exit status 1 if there is no letter with an ID that was given.
)",
    {reason_option()},
    "",
    print_letters};

}  // namespace momento::cli
