#include "destination/dead_letter_queue.h"

#include <utility>

#include "aws/service_error.h"
#include "destination/event_json.h"
#include "destination/exhausted.h"

namespace momento {
namespace {

using Kind = EntryVerdict::Kind;

constexpr size_t max_requests = 4;  // at once: letters are few, and in no hurry

void add(aws::SqsMessage& message, const char* name, std::string_view value) {
    if (!value.empty()) message.attributes.emplace_back(name, value);
}

EntryVerdict verdict_of(const aws::SendOutcome& outcome) {
    switch (outcome.kind) {
        case aws::SendOutcome::Kind::sent:
            return {Kind::delivered, {}, {}};
        case aws::SendOutcome::Kind::refused:
            return {Kind::keep, outcome.code, outcome.message};
        case aws::SendOutcome::Kind::retry:
            break;
    }
    return {Kind::hold, outcome.code, outcome.message, outcome.may_be_its_own};
}

BatchResult read_reply(const std::vector<aws::SqsMessage>& messages,
                       const aws::ServiceReply& reply) {
    const aws::SendOutcomes outcomes = aws::read_send_reply(messages, reply);
    BatchResult result;
    for (const aws::SendOutcome& outcome : outcomes.messages) {
        result.entries.push_back(verdict_of(outcome));
    }
    result.whole_request = outcomes.whole_request;
    if (reply.unsent) return result;
    result.elapsed_us = reply.http.elapsed_us;
    if (reply.http.failed) {
        result.trouble = reply.http.failure.text;
    } else if (reply.http.response.status != 200) {
        result.trouble =
            aws::permission_sentence(aws::parse_service_error(reply.http.response));
    }
    return result;
}

}  // namespace

aws::SqsMessage make_letter_message(const Record& letter, const LetterForm& form) {
    aws::SqsMessage message;
    const bool is_event = !letter.cache.empty() && !letter.topic.empty();
    if (is_event) {
        append_event_json(message.body, letter, form.source, form.region);
    } else {
        message.body = letter.body;
    }
    const bool is_exhausted = is_exhausted_message(letter.reason_message);
    add(message, aws::attribute_error_code, letter.reason_code);
    add(message, aws::attribute_error_message, letter.reason_message);
    add(message, aws::attribute_exhausted, is_exhausted ? exhausted_condition : "");
    add(message, aws::attribute_attempts, std::to_string(letter.attempts));
    add(message, aws::attribute_target, form.target);
    add(message, aws::attribute_destination, letter.destination);
    return message;
}

bool is_for_queue(const Record& letter, const LetterForm& form) {
    return letter.kind == RecordKind::dead_letter && letter.destination == form.destination &&
           static_cast<bool>(aws::check_message(make_letter_message(letter, form)));
}

DeadLetterQueue::DeadLetterQueue(DeadLetterQueueSettings settings,
                                 std::shared_ptr<aws::CredentialsProvider> credentials,
                                 const aws::ServiceTools& tools)
    : settings_(std::move(settings)),
      client_(settings_.service, std::move(credentials), tools) {}

size_t DeadLetterQueue::max_in_flight() const {
    return max_requests;
}

bool DeadLetterQueue::accepts(const Record& letter) const {
    return is_for_queue(letter, settings_.form);
}

size_t DeadLetterQueue::entry_size(const Record& letter) const {
    return aws::message_size(make_letter_message(letter, settings_.form));
}

void DeadLetterQueue::send(std::vector<const Record*> batch, Done done) {
    std::vector<aws::SqsMessage> messages;
    for (const Record* letter : batch)
        messages.push_back(make_letter_message(*letter, settings_.form));
    std::string request = aws::encode_send(settings_.queue, messages);
    client_.call(aws::sqs_send_target, std::move(request),
                 [messages = std::move(messages), done = std::move(done)](
                     const aws::ServiceReply& reply) { done(read_reply(messages, reply)); });
}

}  // namespace momento
