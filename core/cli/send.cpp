// momentoctl send: plays Momento.
#include <chrono>
#include <limits>
#include <ostream>
#include <thread>

#include "base/clock.h"
#include "base/read_file.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/secret.h"
#include "cli/tally.h"
#include "cli/webhook_client.h"

namespace momento::cli {

namespace {

constexpr size_t max_body = 64u << 20;
constexpr int64_t max_rate = 1'000'000;  // a second

const std::string help = std::string(R"(usage: momentoctl send URL --secret SOURCE [OPTION]...

Posts signed events to a webhook, as Momento does: one attempt each, 5 seconds for the
answer, connections kept. Prints how often each status was answered, and once what those
other than 2xx said. Exit status 0 if all were 2xx, 1 if not.

)") + secret_help +
                         R"(  --cache NAME       default "chat"
  --topic NAME       default "room-281"
  --text TEXT        default "Here I am!!"
  --token-id ID      default empty
  --count N          how many events, numbered from 1; default 1
  --rate R           events a second; default: each one when the last one was answered
  --body FILE        send these bytes as they are, instead of an event; - is standard input
  --cacert FILE      trust the certificates in this PEM file, instead of the system's
  --insecure         trust any certificate
)";

struct SendOptions {
    std::optional<std::string> secret, cache, topic, text, token_id, body, cacert;
    std::optional<int64_t> count, rate;
    bool insecure = false;
};

Result<std::string> read_body(const std::string& file, Console& console) {
    return file == "-" ? read_all(console.in) : read_file(file, max_body);
}

// The bytes of the event with that number: given, or made now.
class BodySource {
  public:
    BodySource(const SendOptions& options, std::optional<std::string> given)
        : given_(std::move(given)) {
        event_.cache = options.cache.value_or("chat");
        event_.topic = options.topic.value_or("room-281");
        event_.text = options.text.value_or("Here I am!!");
        event_.token_id = options.token_id.value_or("");
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

Result<Outcome> send(const Arguments& arguments, Console& console) {
    SendOptions given;
    Options options;
    options.text("--secret", &given.secret)
        .text("--cache", &given.cache)
        .text("--topic", &given.topic)
        .text("--text", &given.text)
        .text("--token-id", &given.token_id)
        .number("--count", 1, std::numeric_limits<int64_t>::max(), &given.count)
        .number("--rate", 1, max_rate, &given.rate)
        .text("--body", &given.body)
        .text("--cacert", &given.cacert)
        .flag("--insecure", &given.insecure);
    Result<Arguments> operands = options.parse(arguments, 1, 1, "one URL");
    if (!operands) return operands.error();
    if (given.body && (given.cache || given.topic || given.text || given.token_id)) {
        return Error{
            "\"--body\" sends bytes as they are, leave out --cache, --topic, --text "
            "and --token-id"};
    }
    if (given.insecure && given.cacert) {
        return Error{"\"--insecure\" trusts any certificate, leave it or --cacert out"};
    }

    Result<Signer> signer = make_signer(given.secret, console);
    if (!signer) return signer.error();
    Result<WebhookClient> client =
        WebhookClient::create({operands->front(), given.cacert.value_or(""), !given.insecure});
    if (!client) return client.error();
    std::optional<std::string> body;
    if (given.body) {
        Result<std::string> read = read_body(*given.body, console);
        if (!read) return Error{"--body: " + read.error().text};
        body = std::move(*read);
    }

    BodySource bodies(given, std::move(body));
    Tally tally;
    auto start = std::chrono::steady_clock::now();
    for (int64_t number = 1; number <= given.count.value_or(1); number++) {
        if (given.rate) {
            auto due = std::chrono::duration<double>(static_cast<double>(number - 1) /
                                                     static_cast<double>(*given.rate));
            std::this_thread::sleep_until(
                start + std::chrono::duration_cast<std::chrono::steady_clock::duration>(due));
        }
        Result<std::string> bytes = bodies.make(number);
        if (!bytes) return bytes.error();
        tally.add(client->post(*bytes, signer->sign(*bytes)));
    }
    tally.print(console.out);
    return tally.all_accepted() ? Outcome::fine : Outcome::found;
}

}  // namespace

const Command send_command{"send", "plays Momento: posts signed events to a webhook",
                           help.c_str(), send};

}  // namespace momento::cli
