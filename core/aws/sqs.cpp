#include "aws/sqs.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "aws/error_class.h"
#include "aws/service_error.h"
#include "base/ascii.h"
#include "base/hex.h"
#include "base/json.h"

namespace momento::aws {
namespace {

using Kind = SendOutcome::Kind;

constexpr char string_type[] = "String";
constexpr std::string_view fifo_suffix = ".fifo";
constexpr size_t max_queue_name = 80;
constexpr size_t max_attribute_name = 256;
constexpr size_t max_receipt = 8'192;  // bytes; no document bounds it

// What SQS's Common Errors add to what all services say.
constexpr std::string_view permanent_codes[] = {
    "BatchEntryIdsNotDistinct", "BatchRequestTooLong",         "EmptyBatchRequest",
    "InvalidBatchEntryId",      "InvalidMessageContents",      "InvalidParameterValue",
    "MissingParameter",         "TooManyEntriesInBatchRequest"};

bool is_one_of_them(std::string_view code) {
    return std::find(std::begin(permanent_codes), std::end(permanent_codes), code) !=
           std::end(permanent_codes);
}

// Codes of one name in two protocols: "AWS.SimpleQueueService.BatchRequestTooLong".
std::string_view bare(std::string_view code) {
    constexpr std::string_view older = "AWS.SimpleQueueService.";
    if (code.substr(0, older.size()) == older) code.remove_prefix(older.size());
    return code;
}

Kind classify(const std::string& code, int status) {
    if (is_one_of_them(bare(code))) return Kind::refused;
    return classify_error(code, status) == ErrorClass::refused ? Kind::refused : Kind::retry;
}

std::string quoted(std::string_view text) {
    return '"' + std::string(text) + '"';
}

// The region in "sqs.REGION.…", "sqs-fips.REGION.…", "REGION.queue.…" and
// "vpce-x.sqs.REGION.vpce.…".
std::string region_of(std::string_view host) {
    std::vector<std::string_view> labels;
    while (!host.empty()) {
        labels.push_back(host.substr(0, host.find('.')));
        host.remove_prefix(std::min(labels.back().size() + 1, host.size()));
    }
    for (size_t i = 0; i + 1 < labels.size(); ++i) {
        if (labels[i] == "sqs" || labels[i] == "sqs-fips") return std::string(labels[i + 1]);
        if (labels[i + 1] == "queue" && i == 0) return std::string(labels[0]);
    }
    return {};
}

// Empty if this machine's OpenSSL may not compute it (FIPS).
std::string md5_hex(std::string_view text) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t size = 0;
    if (EVP_Q_digest(nullptr, "MD5", nullptr, text.data(), text.size(), digest, &size) != 1) {
        return {};
    }
    return to_hex({reinterpret_cast<const char*>(digest), size});
}

bool matches(std::string_view body, const std::optional<std::string_view>& md5) {
    if (!md5) return true;
    std::string own = md5_hex(body);
    return own.empty() || own == *md5;
}

// #x9, #xA, #xD, #x20 to #xD7FF, #xE000 to #xFFFD, #x10000 to #x10FFFF, as UTF-8.
bool is_allowed_text(std::string_view text) {
    if (Json::string(text).as_string() != text) return false;  // not UTF-8
    for (size_t i = 0; i < text.size(); ++i) {
        auto c = static_cast<unsigned char>(text[i]);
        if (c < ' ' && c != '\t' && c != '\n' && c != '\r') return false;
        if (text.substr(i, 3) == "\xEF\xBF\xBE" || text.substr(i, 3) == "\xEF\xBF\xBF") {
            return false;
        }
    }
    return true;
}

std::string text_of(const Json& object, const char* member) {
    return std::string(object.get(member).as_string().value_or(std::string_view()));
}

// One line of at most 256 bytes of whatever the service wrote.
std::string one_line(std::string text) {
    text.resize(std::min<size_t>(text.size(), 256));
    for (char& c : text) {
        if (c < ' ' || c > '~') c = ' ';
    }
    return text;
}

// A code is printed in log lines: only what looks like one is believed.
std::string word(const std::string& text) {
    bool fits = !text.empty() && text.size() <= 64 &&
                std::all_of(text.begin(), text.end(),
                            [](char c) { return is_alphanumeric(c) || c == '.' || c == '_'; });
    return fits ? text : "UnknownError";
}

struct Refusal {
    Kind kind = Kind::retry;
    std::string code;
    std::string message;
    bool may_be_its_own = false;
};

// Of a request that was not answered with 200.
Refusal read_refusal(const ServiceReply& reply) {
    if (reply.unsent)
        return {Kind::retry, "CredentialsUnavailable", reply.no_credentials, false};
    if (reply.http.failed) return {Kind::retry, "NoAnswer", reply.http.failure.text, false};
    const int status = reply.http.response.status;
    ServiceError error = parse_service_error(reply.http.response);
    if (error.code.empty()) error.code = "Http" + std::to_string(status);
    // What is said about a signature may quote what was signed, a session token included.
    ErrorClass meaning = classify_error(error.code, status);
    if (meaning == ErrorClass::credentials || meaning == ErrorClass::clock) {
        error.message.clear();
    }
    // What nobody has heard of would otherwise hold all letters for ever.
    const bool may_be_its_own =
        meaning == ErrorClass::permission || meaning == ErrorClass::unknown;
    return {classify(error.code, status), error.code, error.message, may_be_its_own};
}

bool is_success(const ServiceReply& reply) {
    return !reply.unsent && !reply.http.failed && reply.http.response.status == 200;
}

// The index a batch's entry id names; nothing if it names none.
std::optional<size_t> index_of(const Json& entry, size_t count) {
    auto id = entry.get("Id").as_string();
    if (!id) return {};
    size_t index = 0;
    auto [end, error] = std::from_chars(id->data(), id->data() + id->size(), index);
    bool whole = error == std::errc() && end == id->data() + id->size();
    return whole && index < count ? std::optional<size_t>(index) : std::nullopt;
}

}  // namespace

Result<SqsQueue> parse_queue_url(std::string_view text) {
    Result<Url> url = parse_url(text);
    if (!url) return url.error();
    SqsQueue queue;
    size_t slash = url->path.rfind('/');
    queue.name = url->path.substr(slash + 1);
    bool fits = slash > 0 && url->query.empty() && !queue.name.empty() &&
                queue.name.size() <= max_queue_name &&
                std::all_of(queue.name.begin(), queue.name.end(), [](char c) {
                    return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
                });
    if (!fits) {
        return Error{quoted(text) +
                     " is not a queue's URL: write "
                     "\"https://sqs.REGION.amazonaws.com/ACCOUNT/NAME\""};
    }
    bool is_fifo = queue.name.size() >= fifo_suffix.size() &&
                   queue.name.compare(queue.name.size() - fifo_suffix.size(),
                                      fifo_suffix.size(), fifo_suffix) == 0;
    if (is_fifo) {
        return Error{quoted(text) +
                     " is a FIFO queue: dead letters need a standard one, as EventBridge's"};
    }
    if (queue.name.find('.') != std::string::npos) {
        return Error{quoted(text) + " is not a queue's URL: its name has a \".\""};
    }
    queue.region = region_of(url->host);
    queue.url = std::move(*url);
    return queue;
}

bool is_regional_host(std::string_view host) {
    constexpr std::string_view own = "sqs.";
    const size_t first_dot = host.find('.');
    const bool is_older =
        first_dot != host.npos && host.substr(first_dot).substr(0, 7) == ".queue.";
    return host.substr(0, own.size()) == own || is_older;
}

size_t message_size(const SqsMessage& message) {
    size_t size = message.body.size();
    for (const auto& [name, value] : message.attributes) {
        size += name.size() + (sizeof string_type - 1) + value.size();
    }
    return size;
}

Status check_message(const SqsMessage& message) {
    if (message.body.empty()) return Error{"the message is empty"};
    if (message.attributes.size() > sqs_max_attributes) {
        return Error{"the message has too many attributes"};
    }
    if (message_size(message) > sqs_max_bytes) {
        return Error{"the message is larger than " + std::to_string(sqs_max_bytes) + " bytes"};
    }
    bool fits = is_allowed_text(message.body);
    for (const auto& [name, value] : message.attributes) {
        fits = fits && !name.empty() && name.size() <= max_attribute_name && !value.empty() &&
               is_allowed_text(value);
    }
    if (!fits) return Error{"the message holds what SQS does not take"};
    return {};
}

std::string encode_send(const SqsQueue& queue, const std::vector<SqsMessage>& messages) {
    Json entries = Json::array();
    for (size_t i = 0; i < messages.size(); ++i) {
        Json entry = Json::object();
        entry.set("Id", Json::string(std::to_string(i)));
        entry.set("MessageBody", Json::string(messages[i].body));
        Json attributes = Json::object();
        for (const auto& [name, value] : messages[i].attributes) {
            Json attribute = Json::object();
            attribute.set("DataType", Json::string(string_type));
            attribute.set("StringValue", Json::string(value));
            attributes.set(name.c_str(), std::move(attribute));
        }
        if (attributes.size() > 0) entry.set("MessageAttributes", std::move(attributes));
        entries.append(std::move(entry));
    }
    Json request = Json::object();
    request.set("QueueUrl", Json::string(queue.url.text()));
    request.set("Entries", std::move(entries));
    return request.dump();
}

SendOutcomes read_send_reply(const std::vector<SqsMessage>& messages,
                             const ServiceReply& reply) {
    SendOutcomes outcomes;
    if (!is_success(reply)) {
        Refusal refusal = read_refusal(reply);
        outcomes.whole_request = refusal.kind == Kind::refused;
        outcomes.messages.assign(
            messages.size(),
            {refusal.kind, refusal.code, one_line(refusal.message), refusal.may_be_its_own});
        return outcomes;
    }
    // Answers come in any order; what none of them names was not stored for all we know.
    outcomes.messages.assign(messages.size(),
                             {Kind::retry, "IncompleteAnswer", "nothing is said of it"});
    Result<Json> json = Json::parse(reply.http.response.body);
    if (!json) return outcomes;
    Json failed = json->get("Failed");
    for (size_t i = 0; i < failed.size(); ++i) {
        Json entry = failed.at(i);
        auto index = index_of(entry, messages.size());
        if (!index) continue;
        bool is_senders = entry.get("SenderFault").as_boolean().value_or(false);
        std::string code = word(text_of(entry, "Code"));
        // A throttled sender is at fault, too.
        ErrorClass meaning = classify_error(code, 200);
        bool may_pass = meaning == ErrorClass::throttled || meaning == ErrorClass::transient;
        outcomes.messages[*index] = {is_senders && !may_pass ? Kind::refused : Kind::retry,
                                     code, one_line(text_of(entry, "Message")),
                                     meaning != ErrorClass::throttled};
    }
    Json successful = json->get("Successful");
    for (size_t i = 0; i < successful.size(); ++i) {
        Json entry = successful.at(i);
        auto index = index_of(entry, messages.size());
        if (!index) continue;
        if (matches(messages[*index].body, entry.get("MD5OfMessageBody").as_string())) {
            outcomes.messages[*index] = {Kind::sent, {}, {}};
        } else {
            outcomes.messages[*index] = {Kind::retry, "ChecksumMismatch",
                                         "the queue stored something else"};
        }
    }
    return outcomes;
}

std::string encode_receive(const SqsQueue& queue, size_t count, int wait_s, int hide_s) {
    Json names = Json::array();
    names.append(Json::string("All"));
    Json request = Json::object();
    request.set("QueueUrl", Json::string(queue.url.text()));
    request.set("MaxNumberOfMessages",
                Json::integer(static_cast<int64_t>(std::min(count, sqs_max_messages))));
    request.set("WaitTimeSeconds", Json::integer(wait_s));
    request.set("VisibilityTimeout", Json::integer(hide_s));
    request.set("MessageAttributeNames", std::move(names));
    return request.dump();
}

Result<std::vector<ReceivedMessage>> read_received(const ServiceReply& reply) {
    if (Status done = read_done(reply); !done) return done.error();
    Result<Json> json = Json::parse(reply.http.response.body);
    if (!json || !json->is_object()) return Error{"the answer of SQS is not a JSON object"};
    std::vector<ReceivedMessage> received;
    Json messages = json->get("Messages");  // absent: none
    for (size_t i = 0; i < messages.size(); ++i) {
        Json entry = messages.at(i);
        ReceivedMessage message;
        message.id = text_of(entry, "MessageId");
        message.receipt = text_of(entry, "ReceiptHandle");
        message.message.body = text_of(entry, "Body");
        bool is_whole = !message.receipt.empty() && message.receipt.size() <= max_receipt &&
                        !message.message.body.empty() &&
                        matches(message.message.body, entry.get("MD5OfBody").as_string());
        if (!is_whole) continue;
        Json attributes = entry.get("MessageAttributes");
        for (const char* name : dead_letter_attributes) {
            std::string value = text_of(attributes.get(name), "StringValue");
            if (!value.empty()) message.message.attributes.emplace_back(name, std::move(value));
        }
        received.push_back(std::move(message));
    }
    return received;
}

std::string encode_delete(const SqsQueue& queue, const std::string& receipt) {
    Json request = Json::object();
    request.set("QueueUrl", Json::string(queue.url.text()));
    request.set("ReceiptHandle", Json::string(receipt));
    return request.dump();
}

Status read_done(const ServiceReply& reply) {
    if (is_success(reply)) return {};
    Refusal refusal = read_refusal(reply);
    return Error{"SQS: " + refusal.code + (refusal.message.empty() ? "" : ": ") +
                 refusal.message};
}

}  // namespace momento::aws
