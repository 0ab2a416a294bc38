// momentoctl send: plays Momento.
#include <chrono>
#include <limits>
#include <ostream>
#include <thread>

#include "base/clock.h"
#include "base/read_file.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/secret.h"
#include "cli/tally.h"
#include "cli/webhook_client.h"

namespace momento::cli {

namespace {

constexpr size_t max_body = 64u << 20;
constexpr int64_t max_rate = 1'000'000;  // a second

Result<std::string> read_body(const std::string& file, Console& console) {
    return file == "-" ? read_all(console.in) : read_file(file, max_body);
}

// The bytes of the event with that number: given, or made now.
class BodySource {
  public:
    BodySource(const Given& options, std::optional<std::string> given)
        : given_(std::move(given)) {
        event_.cache = options.text("--cache").value_or("chat");
        event_.topic = options.text("--topic").value_or("room-281");
        event_.text = options.text("--text").value_or("Here I am!!");
        event_.token_id = options.text("--token-id").value_or("");
    }

    Result<std::string> make(int64_t number) {
        if (given_) return *given_;
        event_.publish_timestamp = system_clock().wall_ms();
        event_.event_timestamp = event_.publish_timestamp;
        event_.sequence = number;
        return encode_webhook(event_);
    }

  private:
    std::optional<std::string> given_;
    WebhookEvent event_;
};

Status check_options(const Given& given) {
    if (Status status = check_operands(given.operands(), 1, 1, "one URL"); !status) {
        return status;
    }
    const bool is_event = given.text("--cache") || given.text("--topic") ||
                          given.text("--text") || given.text("--token-id");
    if (given.text("--body") && is_event) {
        return Error{
            "\"--body\" sends bytes as they are, leave out --cache, --topic, --text "
            "and --token-id"};
    }
    if (given.flag("--insecure") && given.text("--cacert")) {
        return Error{"\"--insecure\" trusts any certificate, leave it or --cacert out"};
    }
    return {};
}

// When the event with that number is due, from 1.
std::chrono::steady_clock::duration due(int64_t number, int64_t rate) {
    const std::chrono::duration<double> seconds(static_cast<double>(number - 1) /
                                                static_cast<double>(rate));
    return std::chrono::duration_cast<std::chrono::steady_clock::duration>(seconds);
}

Result<Outcome> send(const Given& given, Console& console) {
    if (Status status = check_options(given); !status) return status.error();
    Result<Signer> signer = make_signer(given, console);
    if (!signer) return signer.error();
    Result<WebhookClient> client =
        WebhookClient::create({given.operands().front(), given.text("--cacert").value_or(""),
                               !given.flag("--insecure")});
    if (!client) return client.error();
    std::optional<std::string> body;
    if (const std::optional<std::string> file = given.text("--body"); file) {
        Result<std::string> read = read_body(*file, console);
        if (!read) return Error{"--body: " + read.error().text};
        body = std::move(*read);
    }

    const bool is_given = body.has_value();
    const int64_t count = given.number("--count").value_or(1);
    const std::optional<int64_t> rate = given.number("--rate");
    BodySource bodies(given, std::move(body));
    Tally tally;
    Progress progress(console, given);
    auto start = std::chrono::steady_clock::now();
    for (int64_t number = 1; number <= count; number++) {
        if (rate) std::this_thread::sleep_until(start + due(number, *rate));
        Result<std::string> bytes = bodies.make(number);
        if (!bytes) return bytes.error();
        tally.add(client->post(*bytes, signer->sign(*bytes)));
        progress.show([&] {
            return "sent " + std::to_string(number) + " of " + std::to_string(count) + ": " +
                   tally.summary();
        });
    }
    console.clear_progress();
    given.flag("--json") ? tally.print_json(console.out) : tally.print(console.out);
    const std::string advice = tally.advice(is_given);
    if (!advice.empty() && !given.flag("--quiet")) console.say(advice);
    return tally.all_accepted() ? Outcome::fine : Outcome::found;
}

OptionTable send_options() {
    return {
        secret_option(),
        {"--cache", "NAME", "default \"chat\""},
        {"--topic", "NAME", "default \"room-281\""},
        {"--text", "TEXT", "default \"Here I am!!\""},
        {"--token-id", "ID", "default empty"},
        {"--count", "N", "how many events, numbered from 1; default 1", Option::Kind::number, 1,
         std::numeric_limits<int64_t>::max()},
        {"--rate", "R", "events a second; default: each one when the last one was answered",
         Option::Kind::number, 1, max_rate},
        {"--body", "FILE",
         "send these bytes as they are, instead of an event; - is standard input"},
        {"--cacert", "FILE",
         "trust the certificates in this PEM file, instead of the system's"},
        {"--insecure", "", "trust any certificate", Option::Kind::flag},
    };
}

}  // namespace

const Command send_command{
    "send",
    "plays Momento: posts signed events to a webhook",
    {"URL --secret SOURCE [OPTION]..."},
    R"(Posts signed events to a webhook, as Momento does: one attempt each, 5 seconds for the
answer, connections kept. Prints how often each status was answered, and once what those
other than 2xx said. Exit status 0 if all were 2xx, 1 if not.
)",
    send_options(),
    "",
    send};

}  // namespace momento::cli
