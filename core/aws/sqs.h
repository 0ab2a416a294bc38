// Messages to and from an SQS queue: SendMessageBatch, ReceiveMessage and DeleteMessage, as
// pure functions: messages to a request body, a reply to outcomes. Any thread.
// Source: "SendMessageBatch" and "Amazon SQS message quotas", Amazon SQS API Reference and
// Developer Guide; AWS JSON protocol 1.0.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/service_client.h"
#include "base/result.h"
#include "http/url.h"

namespace momento::aws {

inline constexpr char sqs_content_type[] = "application/x-amz-json-1.0";
inline constexpr char sqs_send_target[] = "AmazonSQS.SendMessageBatch";
inline constexpr char sqs_receive_target[] = "AmazonSQS.ReceiveMessage";
inline constexpr char sqs_delete_target[] = "AmazonSQS.DeleteMessage";
inline constexpr size_t sqs_max_messages = 10;      // of a request
inline constexpr size_t sqs_max_bytes = 1'048'576;  // of a message, and of a request
inline constexpr size_t sqs_max_attributes = 10;

// How EventBridge describes a dead letter; redrive tools know these names.
// Source: "Using dead-letter queues", Amazon EventBridge User Guide.
inline constexpr char attribute_error_code[] = "ERROR_CODE";
inline constexpr char attribute_error_message[] = "ERROR_MESSAGE";
inline constexpr char attribute_exhausted[] = "EXHAUSTED_RETRY_CONDITION";
inline constexpr char attribute_attempts[] = "RETRY_ATTEMPTS";
inline constexpr char attribute_target[] = "TARGET_ARN";                // ours: the bus
inline constexpr char attribute_destination[] = "MOMENTO_DESTINATION";  // not EventBridge's
inline constexpr const char* dead_letter_attributes[] = {
    attribute_error_code, attribute_error_message, attribute_exhausted,
    attribute_attempts,   attribute_target,        attribute_destination};

struct SqsQueue {
    Url url;
    std::string name;
    std::string region;  // empty if the host does not tell
};

// "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME", an older or a VPC endpoint's form, or an
// emulator's. FIFO queues are refused: dead letters have no groups, as EventBridge's own.
Result<SqsQueue> parse_queue_url(std::string_view text);

// True if a queue's host is the region's own, or its older name: requests go to the region's
// endpoint, whatever that is configured to be.
bool is_regional_host(std::string_view host);

struct SqsMessage {
    std::string body;
    std::vector<std::pair<std::string, std::string>> attributes;  // of type String
};

// Why SQS would never take a message of this shape: too large, empty, too many attributes,
// a character that XML cannot hold, bytes that are not UTF-8. The error quotes nothing.
Status check_message(const SqsMessage& message);

// What a message counts towards sqs_max_bytes: attributes' names, types and values too.
size_t message_size(const SqsMessage& message);

// Messages that passed check_message(), together within both limits.
std::string encode_send(const SqsQueue& queue, const std::vector<SqsMessage>& messages);

struct SendOutcome {
    enum class Kind {
        sent,
        retry,    // throttled, credentials, permission, transport: the queue may take it later
        refused,  // it will never take it
    };
    Kind kind = Kind::retry;
    std::string code;     // "QueueDoesNotExist"
    std::string message;  // for people; one line

    // Of retry: the reason may lie in this message alone, so that others may be taken.
    bool may_be_its_own = false;
};

struct SendOutcomes {
    std::vector<SendOutcome> messages;  // one per message, in order
    bool whole_request = false;         // the refusal is of the request: send less at once
};

// A message that the queue says it stored with another checksum is sent again.
SendOutcomes read_send_reply(const std::vector<SqsMessage>& messages,
                             const ServiceReply& reply);

// Up to sqs_max_messages, waiting up to `wait_s` (0 to 20) for the first; they are hidden
// from others for `hide_s`.
std::string encode_receive(const SqsQueue& queue, size_t count, int wait_s, int hide_s);

struct ReceivedMessage {
    SqsMessage message;
    std::string id;
    std::string receipt;  // to delete it with
};

// Of their attributes those of dead letters. Messages whose checksum does not match their
// body are left in the queue.
Result<std::vector<ReceivedMessage>> read_received(const ServiceReply& reply);

std::string encode_delete(const SqsQueue& queue, const std::string& receipt);

// Of a deletion, or of anything whose answer says nothing else.
Status read_done(const ServiceReply& reply);

}  // namespace momento::aws
