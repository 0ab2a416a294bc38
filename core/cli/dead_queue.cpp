#include "cli/dead_queue.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "aws/sqs.h"
#include "aws/timestamp.h"
#include "cli/aws_access.h"
#include "cli/spool_access.h"
#include "destination/event_json.h"
#include "ingest/payload.h"
#include "spool/slots.h"

namespace momento::cli {

namespace {

constexpr int wait_s = 2;   // for the next messages
constexpr int hide_s = 60;  // messages that are left are seen by others after that

std::string_view attribute(const aws::SqsMessage& message, std::string_view name) {
    for (const auto& [key, value] : message.attributes) {
        if (key == name) return value;
    }
    return {};
}

// When EventBridge or a gateway took it, if that is known.
int64_t accepted_ms(const EventJson& event) {
    return aws::parse_timestamp(event.time).value_or(system_clock().wall_ms());
}

// Events of one message have one id, however often it is redriven.
ReplayId id_of(const std::string& message_id) {
    ReplayId id{};
    for (size_t i = 0; i < message_id.size(); ++i) {
        uint8_t& byte = id[i % id.size()];
        byte = static_cast<uint8_t>(byte * 31 + static_cast<unsigned char>(message_id[i]));
    }
    return id;
}

class QueueReader {
  public:
    QueueReader(const QueueRedrive& redrive, aws::SqsQueue queue, AwsCaller& caller,
                Tails& tails, RedriveReport* report)
        : redrive_(redrive),
          queue_(std::move(queue)),
          caller_(caller),
          tails_(tails),
          report_(report) {}

    Status run() {
        for (;;) {
            auto received = aws::read_received(
                caller_.call(aws::sqs_receive_target,
                             encode_receive(queue_, aws::sqs_max_messages, wait_s, hide_s)));
            if (!received) return received.error();
            // What was left comes again after a while: then all has been seen.
            bool any_new = false;
            for (const aws::ReceivedMessage& message : *received) {
                any_new = seen_.insert(message.id).second || any_new;
            }
            if (!any_new) return {};
            if (Status status = take(*received); !status) return status;
        }
    }

  private:
    struct Batch {
        std::vector<RecordBuffer> events;
        std::vector<std::string> receipts;
    };

    Status take(const std::vector<aws::ReceivedMessage>& messages) {
        std::map<std::string, Batch> batches;
        for (const aws::ReceivedMessage& message : messages) add(message, batches);
        for (auto& [destination, batch] : batches) {
            report_->redriven[destination] += batch.receipts.size();
            if (redrive_.settings.dry_run) continue;
            if (Status status = tails_.append(destination, std::move(batch.events)); !status) {
                return status;
            }
            for (const std::string& receipt : batch.receipts) {
                const Status deleted = aws::read_done(
                    caller_.call(aws::sqs_delete_target, encode_delete(queue_, receipt)));
                if (!deleted) return deleted;
            }
            if (redrive_.settings.on_redriven) redrive_.settings.on_redriven();
        }
        return {};
    }

    void add(const aws::ReceivedMessage& received, std::map<std::string, Batch>& batches) {
        const aws::SqsMessage& message = received.message;
        const std::string& wanted = redrive_.settings.filter.reason;
        const std::string reason(attribute(message, aws::attribute_error_code));
        const bool matches = wanted.empty() || reason == wanted;
        redrive_.census->see(reason, matches);
        if (!matches) return;

        // A message that is no envelope may be the event itself.
        EventJson event = read_event_json(message.body).value_or(EventJson{message.body, {}});
        event.detail.reserve(event.detail.size() + body_padding);
        const Result<Payload> payload = parser_.parse(event.detail, common_limits());
        if (!payload) {
            report_->without_event++;
            return;
        }
        std::string destination = redrive_.settings.to;
        if (destination.empty()) {
            destination = attribute(message, aws::attribute_destination);
            if (!is_in_spool(destination)) {
                report_->without_destination[destination]++;
                return;
            }
        }
        Record record;
        record.origin = Origin::redrive;
        record.accepted_ms = accepted_ms(event);
        record.publish_ms = payload->publish_timestamp;
        record.replay_id = id_of(received.id);
        record.cache = payload->cache;
        record.topic = payload->topic;
        record.body = event.detail;
        Batch& batch = batches[destination];
        batch.events.push_back(RecordBuffer::from(record));
        batch.receipts.push_back(received.receipt);
    }

    bool is_in_spool(const std::string& destination) {
        auto spool = system_files().open_directory(redrive_.directory, false);
        return spool && is_destination_name(destination) &&
               static_cast<bool>((*spool)->open_directory(destination, false));
    }

    const QueueRedrive& redrive_;
    const aws::SqsQueue queue_;
    AwsCaller& caller_;
    Tails& tails_;
    RedriveReport* report_;
    PayloadParser parser_;
    std::set<std::string> seen_;  // ids of messages
};

}  // namespace

Status redrive_queue(const QueueRedrive& redrive, Console& console, RedriveReport* report) {
    TargetSettings settings;
    settings.name = "redrive";
    settings.letter_queue.url = redrive.url;
    if (Status status = apply_aws_options(*redrive.given, settings); !status) return status;
    if (Status found = resolve_letter_queue(settings, console); !found) return found;
    auto queue = aws::parse_queue_url(redrive.url);
    if (!queue) return queue.error();

    prepare_network();
    AwsCaller caller(settings.aws, settings.letter_queue.service, settings.letter_queue.sts,
                     aws::sqs_content_type);
    const aws::CredentialsAnswer credentials = caller.find_credentials();
    if (credentials.state != aws::CredentialsAnswer::State::ready) {
        return Error{credentials.error.empty() ? "nobody gave credentials in time"
                                               : credentials.error};
    }
    ConsoleLogger logger(console);
    Tails tails(redrive.directory, system_tools(logger));
    const Status status = QueueReader(redrive, std::move(*queue), caller, tails, report).run();
    tails.finish();
    return status;
}

}  // namespace momento::cli
