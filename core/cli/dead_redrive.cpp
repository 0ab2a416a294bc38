// momentoctl dead redrive.
#include <chrono>
#include <ostream>
#include <sstream>
#include <thread>

#include "base/json.h"
#include "cli/aws_access.h"
#include "cli/command.h"
#include "cli/dead_queue.h"
#include "cli/letters.h"
#include "cli/progress.h"
#include "cli/spool_access.h"
#include "spool/redrive.h"
#include "spool/slots.h"

namespace momento::cli {

namespace {

uint64_t total(const RedriveReport::Counts& counts) {
    uint64_t sum = 0;
    for (const auto& [destination, count] : counts) sum += count;
    return sum;
}

uint64_t left_of(const RedriveReport& report) {
    return report.without_event + total(report.without_destination) + report.in_doubt;
}

Json as_json(const RedriveReport::Counts& counts) {
    Json json = Json::object();
    for (const auto& [destination, count] : counts) {
        json.set(destination.c_str(), Json::integer(static_cast<int64_t>(count)));
    }
    return json;
}

void print_json(const RedriveReport& report, bool dry_run, std::ostream& out) {
    Json left = Json::object();
    left.set("without_event", Json::integer(static_cast<int64_t>(report.without_event)))
        .set("without_destination", as_json(report.without_destination))
        .set("in_doubt", Json::integer(static_cast<int64_t>(report.in_doubt)));
    out << Json::object()
               .set("dry_run", Json::boolean(dry_run))
               .set("redriven", as_json(report.redriven))
               .set("left", left)
               .dump()
        << '\n';
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
    for (const auto& [destination, count] : report.without_destination) {
        out << "left: " << count << " whose destination \"" << printable(destination)
            << "\" is not in the spool; give one with --to\n";
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
    ConsoleLogger logger(console);
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

// `expected`: how many letters match; 0 where that is not known.
std::string progress_line(const RedriveReport& report, uint64_t expected) {
    std::string line = "redriven " + std::to_string(total(report.redriven));
    if (expected > 0) line += " of " + std::to_string(expected);
    return line + ": " + list_counts(report.redriven);
}

Status check_to(const Given& given, const std::string& directory) {
    const std::optional<std::string> to = given.text("--to");
    if (!to) {
        return given.flag("--force") ? Status(Error{"\"--force\" is for --to"}) : Status();
    }
    if (!is_destination_name(*to)) {
        return Error{"invalid --to \"" + *to +
                     "\", give the name of a destination: 1 to 64 letters, digits, \"_\" and "
                     "\"-\""};
    }
    return given.flag("--force") ? Status() : check_destination(directory, *to);
}

Status check_queue(const Given& given, const LetterFilter& filter) {
    if (given.text("--queue")) {
        if (!filter.ids) return {};
        return Error{"letters in a queue have no IDs: give --reason, or nothing"};
    }
    if (!given.has_any(aws_options())) return {};
    return Error{
        "the spool needs nothing of AWS: give --queue, or only IDs, --reason, --to and "
        "--dry-run"};
}

Result<Outcome> redrive(const Given& given, Console& console) {
    Result<LetterRequest> request = read_letter_request(given, console);
    if (!request) return request.error();
    const std::string& directory = request->directory;
    if (Status status = check_queue(given, request->filter); !status) return status.error();
    if (Status status = become_owner(directory); !status) return status.error();
    if (Status status = check_to(given, directory); !status) return status.error();

    Census census;
    Outcome outcome = Outcome::fine;
    const std::optional<std::string> queue = given.text("--queue");
    if (!queue) {
        // What cannot be read is said, and counted, when it is to be redriven.
        std::ostringstream ignored;
        Console silent{console.in, ignored, ignored, console.environment};
        (void)for_each_letter(*request, silent, census, [](const auto&, const auto&) {});
        outcome = census.report(request->filter, console);
    }

    RedriveReport report;
    Progress progress(console, given);
    RedriveSettings settings;
    settings.filter = request->filter;
    settings.to = given.text("--to").value_or("");
    settings.dry_run = given.flag("--dry-run");
    settings.on_redriven = [&] {
        progress.show([&] { return progress_line(report, census.matching()); });
    };
    const Status status =
        queue ? redrive_queue({*queue, directory, settings, &given, &census}, console, &report)
              : redrive_spool(directory, settings, console, &report);
    console.clear_progress();
    if (queue && status) (void)census.report(settings.filter, console);
    const bool is_nothing = report.redriven.empty() && left_of(report) == 0;
    if (given.flag("--json")) {
        print_json(report, settings.dry_run, console.out);
    } else if (status || !is_nothing) {
        print_report(report, settings.dry_run, console.out);
    }
    if (!status) return status.error();
    return left_of(report) > 0 ? Outcome::found : outcome;
}

OptionTable redrive_options() {
    OptionTable options = {
        reason_option(),
        {"--to", "DESTINATION", "to this one, instead of the one the letter names"},
        {"--force", "",
         "to one that is not in the spool yet: the events wait there as orphans if the "
         "configuration does not know it",
         Option::Kind::flag},
        {"--dry-run", "", "says what would be done, and does nothing", Option::Kind::flag},
        {"--queue", "URL",
         "takes the letters out of this SQS queue, where \"dead_letter sqs\" put them: a "
         "message is deleted once its event is on disk. What is left there, or only counted, "
         "is "
         "hidden from others for a minute. The options below are for it, as \"momentoctl "
         "check\" "
         "takes them, read as the spool's owner"},
    };
    options.insert(options.end(), aws_options().begin(), aws_options().end());
    return options;
}

}  // namespace

const Command dead_redrive_command{
    "dead redrive",
    "sends dead letters to their destination again",
    {"[ID]... [--reason CODE] [--to DESTINATION [--force]] [--dry-run] [DIR]",
     "--queue URL [OPTION]... [DIR]"},
    R"(Appends the event of each dead letter in DIR, or of those with these IDs, as "dead ls" prints
them, to the log of its destination, and then marks the letter as redriven. A running gateway
delivers it within seconds, else the next one that starts does. A crash in between may deliver
an event twice, and loses none. Run as root, it takes the user and group of the spool's owner
first.
)",
    redrive_options(),
    R"(Exit status 1 if letters that match were left (no event can be made of them, or their
destination is not in the spool), or if there is none with an ID that was given.
)",
    redrive};

}  // namespace momento::cli
