// Any bytes as an answer of SQS: every message gets an outcome, nothing counts as sent
// unless the request succeeded, what is printed in log lines is printable, and what is
// received is whole. Any bytes as a message: what passes the check is what is sent.
#include <cstdint>
#include <cstdlib>

#include "aws/sqs.h"
#include "base/json.h"

using namespace momento;
using Kind = aws::SendOutcome::Kind;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

bool is_printable(const std::string& text) {
    for (char c : text) {
        if (c < ' ' || c > '~') return false;
    }
    return true;
}

void read_answer(int status, const std::string& body, size_t count) {
    aws::ServiceReply reply;
    reply.http.response.status = status;
    reply.http.response.body = body;
    const std::vector<aws::SqsMessage> messages(count, {"hello", {}});
    aws::SendOutcomes outcomes = aws::read_send_reply(messages, reply);
    require(outcomes.messages.size() == count);
    for (const aws::SendOutcome& outcome : outcomes.messages) {
        require(outcome.kind != Kind::sent || status == 200);
        require(outcome.kind == Kind::sent || !outcome.code.empty());
        require(is_printable(outcome.code) && is_printable(outcome.message));
        require(outcome.message.size() <= 256);
    }
    auto received = aws::read_received(reply);
    if (!received) return;
    for (const aws::ReceivedMessage& message : *received) {
        require(status == 200 && !message.receipt.empty() && !message.message.body.empty());
        require(message.message.attributes.size() <= aws::sqs_max_attributes);
    }
}

void send(const std::string& body) {
    static const auto queue =
        *aws::parse_queue_url("https://sqs.eu-west-1.amazonaws.com/123456789012/letters");
    aws::SqsMessage message{body, {{aws::attribute_error_code, "Code"}}};
    if (!aws::check_message(message)) return;
    auto json = Json::parse(aws::encode_send(queue, {message}));
    require(json && json->get("Entries").at(0).get("MessageBody").as_string() == body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
    static constexpr int statuses[] = {200, 200, 400, 503};
    if (size < 1) return 0;
    std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
    read_answer(statuses[data[0] & 3], body, 1 + (data[0] >> 2) % 10);
    send(body);
    (void)aws::parse_queue_url(body);
    return 0;
}
