// momentoctl dead: what was refused for good.
#include <cerrno>
#include <chrono>
#include <ostream>
#include <thread>

#include "cli/aws_access.h"
#include "cli/command.h"
#include "cli/dead_queue.h"
#include "cli/options.h"
#include "cli/spool_access.h"
#include "cli/table.h"
#include "spool/redrive.h"
#include "spool/slots.h"

namespace momento::cli {

namespace {

// Slots of dead letters; none if nothing was ever refused.
Result<std::vector<SlotPlace>> find_letters(const std::string& directory) {
    auto spool = find_slots(system_files(), directory);
    if (!spool) return spool;
    auto places = find_slots(system_files(), directory, dead_letter_directory);
    if (!places && places.error().code == ENOENT) return std::vector<SlotPlace>();
    return places;
}

Status must_be_known(const SlotPlace& place, const SlotReport& slot) {
    if (!slot.foreign) return {};
    return Error{"slot \"" + place.destination + "/" + place.slot +
                 "\" has a format that this version does not know, use the momentoctl of the "
                 "version that wrote it"};
}

// Visits matching letters of all slots.
Status for_each_letter(const std::string& directory, const LetterFilter& filter,
                       Console& console,
                       const std::function<void(const SlotPlace&, const Record&)>& visit) {
    auto places = find_letters(directory);
    if (!places) return places.error();
    FailedSlots failed(console);
    for (const SlotPlace& place : *places) {
        auto slot = read_slot(place, [&](const Record& letter, Position) {
            if (is_match(letter, filter, system_clock().wall_ms())) visit(place, letter);
        });
        Status known = slot ? must_be_known(place, *slot) : Status(slot.error());
        if (!known) failed.add(place, known.error());
    }
    return failed.status();
}

struct LetterOptions {
    std::string directory;
    LetterFilter filter;
    bool json = false;
};

Result<LetterOptions> parse_letter_options(const Arguments& arguments) {
    LetterOptions given;
    std::optional<std::string> reason;
    Options options;
    options.flag("--json", &given.json).text("--reason", &reason);
    Result<Arguments> operands = options.parse(arguments, 0, 1, "one directory");
    if (!operands) return operands.error();
    given.directory = operands->empty() ? default_spool : operands->front();
    if (Status spool = check_spool(given.directory); !spool) return spool.error();
    given.filter.reason = reason.value_or("");
    return given;
}

std::string subject(const Record& letter) {
    if (letter.cache.empty() || letter.topic.empty()) return "-";
    return std::string(letter.cache) + '#' + std::string(letter.topic);
}

Result<Outcome> list(const Arguments& arguments, Console& console) {
    Result<LetterOptions> given = parse_letter_options(arguments);
    if (!given) return given.error();
    Table table({"ID", "TIME", "DESTINATION", "REASON", "ATTEMPTS", "EVENT"});
    Status status = for_each_letter(
        given->directory, given->filter, console,
        [&](const SlotPlace& place, const Record& letter) {
            if (given->json) {
                console.out << describe(place, letter).dump() << '\n';
                return;
            }
            table.add({place.slot + ":" + std::to_string(letter.sequence),
                       format_time(letter_time_ms(letter)), std::string(letter.destination),
                       std::string(letter.reason_code), std::to_string(letter.attempts),
                       subject(letter)});
        });
    if (!given->json) table.print(console.out);
    if (!status) return status.error();
    return Outcome::fine;
}

Result<Outcome> cat(const Arguments& arguments, Console& console) {
    Result<LetterOptions> given = parse_letter_options(arguments);
    if (!given) return given.error();
    Status status = for_each_letter(
        given->directory, given->filter, console,
        [&](const SlotPlace& place, const Record& letter) {
            if (given->json) {
                console.out << describe(place, letter).dump() << '\n';
                return;
            }
            console.out << place.slot << ':' << letter.sequence
                        << "\n  destination:   " << printable(letter.destination)
                        << "\n  reason:        " << printable(letter.reason_code)
                        << "\n  message:       " << printable(letter.reason_message)
                        << "\n  accepted:      " << format_time(letter.accepted_ms)
                        << "\n  attempts:      " << letter.attempts
                        << "\n  first attempt: " << format_time(letter.first_attempt_ms)
                        << "\n  last attempt:  " << format_time(letter.last_attempt_ms) << '\n'
                        << printable(letter.body) << "\n\n";
        });
    if (!status) return status.error();
    return Outcome::fine;
}

uint64_t left_of(const RedriveReport& report) {
    return report.without_event + report.without_destination + report.in_doubt;
}

void print_report(const RedriveReport& report, bool dry_run, std::ostream& out) {
    for (const auto& [destination, count] : report.redriven) {
        out << (dry_run ? "would redrive " : "redriven: ") << count << " to \"" << destination
            << "\"\n";
    }
    if (report.without_event > 0) {
        out << "left: " << report.without_event
            << " of which no event can be made; dead cat shows them\n";
    }
    if (report.without_destination > 0) {
        out << "left: " << report.without_destination
            << " whose destination is not in the spool; give one with --to\n";
    }
    if (report.in_doubt > 0) {
        out << "left: " << report.in_doubt << " that may not be on disk yet; try again\n";
    }
    if (report.redriven.empty() && left_of(report) == 0) {
        out << "no dead letter matches\n";
    }
}

// A gateway says within a second that a new letter is on disk: until then it is waited for.
Status redrive_slot(const SlotPlace& place, const RedriveSettings& settings, Tails& tails,
                    const SpoolTools& tools, RedriveReport* report) {
    constexpr int most_rounds = 20;
    const RedriveReport before = *report;
    for (int round = 0;; ++round) {
        Status status = redrive_letters(place, settings, tails, tools, report);
        const bool in_doubt = report->in_doubt > before.in_doubt;
        if (!status || !in_doubt || round == most_rounds) return status;
        const auto redriven = report->redriven;
        *report = before;
        if (!settings.dry_run) report->redriven = redriven;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
}

Status redrive_spool(const std::string& directory, const RedriveSettings& settings,
                     Console& console, RedriveReport* report) {
    auto places = find_letters(directory);
    if (!places) return places.error();
    ConsoleLogger logger(console.err);
    SpoolTools tools = system_tools(logger);
    Tails tails(directory, tools);
    FailedSlots failed(console);
    for (const SlotPlace& place : *places) {
        Status status = redrive_slot(place, settings, tails, tools, report);
        if (!status) failed.add(place, status.error());
    }
    tails.finish();
    return failed.status();
}

Result<Outcome> redrive(const Arguments& arguments, Console& console) {
    RedriveSettings settings;
    std::optional<std::string> reason, to, queue;
    AwsOptions aws_options;
    Options options;
    options.text("--reason", &reason)
        .text("--to", &to)
        .text("--queue", &queue)
        .flag("--dry-run", &settings.dry_run);
    aws_options.add_to(options);
    Result<Arguments> operands = options.parse(arguments, 0, 1, "one directory");
    if (!operands) return operands.error();
    std::string directory = operands->empty() ? default_spool : operands->front();
    if (to && !is_destination_name(*to)) {
        return Error{"invalid --to \"" + *to +
                     "\", give the name of a destination: 1 to 64 letters, digits, \"_\" and "
                     "\"-\""};
    }
    if (!queue && aws_options.any_given()) {
        return Error{
            "the spool needs nothing of AWS: give --queue, or only --reason, --to and "
            "--dry-run"};
    }
    settings.filter.reason = reason.value_or("");
    settings.to = to.value_or("");

    if (Status spool = check_spool(directory); !spool) return spool.error();
    if (Status status = become_owner(directory); !status) return status.error();
    RedriveReport report;
    const Status status =
        queue ? redrive_queue({*queue, directory, settings, &aws_options}, console, &report)
              : redrive_spool(directory, settings, console, &report);
    const bool is_nothing = report.redriven.empty() && left_of(report) == 0;
    if (status || !is_nothing) print_report(report, settings.dry_run, console.out);
    if (!status) return status.error();
    return left_of(report) > 0 ? Outcome::found : Outcome::fine;
}

Result<Outcome> remove(const Arguments& arguments, Console& console) {
    std::optional<int64_t> older_than_ms;
    Options options;
    options.duration("--older-than", &older_than_ms);
    Result<Arguments> operands = options.parse(arguments, 0, 1, "one directory");
    if (!operands) return operands.error();
    if (!older_than_ms) return Error{"\"--older-than\" is missing, give a time such as 30d"};
    std::string directory = operands->empty() ? default_spool : operands->front();

    if (Status spool = check_spool(directory); !spool) return spool.error();
    if (Status status = become_owner(directory); !status) return status.error();
    auto places = find_letters(directory);
    if (!places) return places.error();

    ConsoleLogger logger(console.err);
    LetterFilter filter;
    filter.older_than_ms = *older_than_ms;
    uint64_t removed = 0;
    FailedSlots failed(console);
    for (const SlotPlace& place : *places) {
        auto count = remove_letters(place, filter, system_tools(logger));
        if (count) removed += *count;
        if (!count) failed.add(place, count.error());
    }
    console.out << "removed: " << removed << '\n';
    if (Status all = failed.status(); !all) return all.error();
    return Outcome::fine;
}

}  // namespace

const Command dead_ls_command{"dead ls", "lists the dead letters",
                              R"(usage: momentoctl dead ls [--reason CODE] [--json] [DIR]

Lists the dead letters of the spool in DIR (default /var/lib/nginx/momento): events that were
refused for good and wait for a person. Changes nothing and takes no lock; a gateway may be
running.

  --reason CODE   only those with this reason
  --json          one JSON object a line, with message and body
)",
                              list};

const Command dead_cat_command{
    "dead cat", "prints the dead letters, with the reason and the event as it arrived",
    R"(usage: momentoctl dead cat [--reason CODE] [--json] [DIR]

Prints the dead letters of the spool in DIR (default /var/lib/nginx/momento), each with what
the destination said and the event as it arrived. Changes nothing and takes no lock; a
gateway may be running.

  --reason CODE   only those with this reason
  --json          one JSON object a line; a body that is not UTF-8 as "body_base64"
)",
    cat};

const Command dead_redrive_command{
    "dead redrive", "sends dead letters to their destination again",
    R"(usage: momentoctl dead redrive [--reason CODE] [--to DESTINATION] [--dry-run] [DIR]
       momentoctl dead redrive --queue URL [OPTION]... [DIR]

Appends the event of each dead letter in DIR (default /var/lib/nginx/momento) to the log of
its destination, and then marks the letter as redriven. A running gateway delivers it within
seconds, else the next one that starts does. A crash in between may deliver an event twice,
and loses none. Run as root, it takes the user and group of the spool's owner first.

  --reason CODE      only those with this reason
  --to DESTINATION   to this one, instead of the one the letter names
  --dry-run          says what would be done, and does nothing
  --queue URL        takes the letters out of this SQS queue, where "dead_letter sqs" put
                     them: a message is deleted once its event is on disk. What is left
                     there, or only counted, is hidden from others for a minute

With --queue, as "momentoctl check" takes them, read as the spool's owner:
--region, --proxy, --credentials, --profile, --cacert

Exit status 1 if letters that match were left: no event can be made of them, or their
destination is not in the spool.
)",
    redrive};

const Command dead_rm_command{"dead rm", "removes old dead letters",
                              R"(usage: momentoctl dead rm --older-than TIME [DIR]

Removes the dead letters in DIR (default /var/lib/nginx/momento) whose last attempt was
longer ago than TIME: a number with ms, s, m, h, d or w, or of seconds. They are gone for good.
Run as root, it takes the user and group of the spool's owner first.
)",
                              remove};

}  // namespace momento::cli
