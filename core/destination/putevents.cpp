#include "destination/putevents.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <new>
#include <optional>

#include "aws/service_error.h"
#include "base/ascii.h"
#include "destination/json_escape.h"

namespace momento {
namespace {

constexpr size_t time_size = 14;     // what Time counts, however it is written
constexpr size_t largest_code = 64;  // bytes; longer ones are no codes
constexpr size_t largest_message = 1024;

namespace dom = simdjson::dom;
using Kind = EntryVerdict::Kind;
using aws::classify_error;
using aws::ErrorClass;

// Codes and request ids are printed in log lines: only what looks like one is believed.
std::string word(std::optional<std::string_view> text) {
    if (!text || text->size() > largest_code) return {};
    for (char c : *text) {
        if (!is_alphanumeric(c) && c != '-' && c != '_' && c != '.') return {};
    }
    return std::string(*text);
}

std::string message(std::optional<std::string_view> text) {
    if (!text) return {};
    size_t size = std::min(text->size(), largest_message);
    if (size < text->size()) {
        while (size > 0 && (static_cast<unsigned char>((*text)[size]) & 0xC0) == 0x80) --size;
    }
    return std::string(text->substr(0, size));
}

Kind kind_of(ErrorClass error) {
    switch (error) {
        case ErrorClass::credentials:
        case ErrorClass::clock:
        case ErrorClass::permission:
        case ErrorClass::setup:
            return Kind::hold;
        case ErrorClass::refused:
            return Kind::refused;
        case ErrorClass::throttled:
        case ErrorClass::transient:
        case ErrorClass::unknown:
            break;
    }
    return Kind::retry;
}

EntryVerdict verdict_of(ErrorClass error, std::string code, std::string message) {
    return {kind_of(error), std::move(code), std::move(message),
            error == ErrorClass::permission};
}

// Milliseconds, unlike HTTP's Retry-After.
int64_t retry_after_ms(const HttpResponse& response) {
    const std::string* header = response.header("x-amz-retry-after");
    int64_t ms = 0;
    if (!header) return 0;
    auto [end, error] = std::from_chars(header->data(), header->data() + header->size(), ms);
    bool whole = error == std::errc() && end == header->data() + header->size();
    return whole ? std::max<int64_t>(ms, 0) : 0;
}

std::optional<std::string_view> member(const dom::element& object, std::string_view name) {
    std::string_view text;
    if (object[name].get(text) != simdjson::SUCCESS) return {};
    return text;
}

// Ten times a request: printf would take longer than the rest of the entry.
void append_seconds(std::string& json, int64_t ms) {
    ms = std::max<int64_t>(ms, 0);
    char text[32];
    char* point = std::to_chars(text, std::end(text), ms / 1000).ptr;
    const char* end = std::to_chars(point, std::end(text), 1000 + ms % 1000).ptr;
    *point = '.';
    json.append(text, static_cast<size_t>(end - text));
}

void read_entry(const dom::element& entry, EntryVerdict& verdict) {
    std::optional<std::string_view> code = member(entry, "ErrorCode");
    if (code && !code->empty()) {
        std::string name = word(code);
        verdict = verdict_of(classify_error(name, 200), name.empty() ? "UnknownError" : name,
                             message(member(entry, "ErrorMessage")));
        return;
    }
    std::optional<std::string_view> id = member(entry, "EventId");
    if (id && !id->empty()) {
        verdict.kind = Kind::delivered;
    } else {
        verdict = {Kind::retry, "IncompleteAnswer", "neither EventId nor ErrorCode"};
    }
}

void read_foreign(const HttpResponse& response, size_t entries, PutEventsAnswer& answer) {
    const std::string code = "Http" + std::to_string(response.status);
    const std::string advice = aws::foreign_advice(response);
    // A filter may refuse one text.
    answer.result.entries.assign(entries, {Kind::hold, code, advice, response.status == 403});
    answer.result.trouble = advice;
    answer.error = response.status == 403 ? ErrorClass::permission : ErrorClass::setup;
}

void read_entries(const HttpResponse& response, size_t entries, PutEventsAnswer& answer) {
    static thread_local std::optional<dom::parser> parser;  // keeps its memory
    if (!parser) parser.emplace();
    dom::array list;
    const simdjson::error_code trouble = parser->parse(response.body)["Entries"].get(list);
    if (trouble == simdjson::MEMALLOC) {
        parser.reset();  // used again it may crash: it takes what it has not got for made
        throw std::bad_alloc();
    }
    if (trouble != simdjson::SUCCESS || list.size() != entries) {
        answer.result.entries.assign(
            entries, {Kind::retry, "IncompleteAnswer", "not one result for each entry"});
        return;
    }
    answer.result.entries.reserve(entries);
    for (const dom::element entry : list) {
        EntryVerdict& verdict = answer.result.entries.emplace_back();
        read_entry(entry, verdict);
        if (verdict.kind == Kind::retry &&
            classify_error(verdict.code, response.status) == ErrorClass::throttled) {
            answer.result.throttled = true;
        }
    }
}

// What a person can do about a hold. The service's own words may quote an event.
const char* advice(ErrorClass error) {
    switch (error) {
        case ErrorClass::credentials:
            return "the credentials are not known, or have expired";
        case ErrorClass::clock:
            return "the secret key or this machine's clock is wrong";
        case ErrorClass::permission:
        case ErrorClass::setup:
            return "look at permissions, endpoint, key and bus; \"momentoctl check\" does";
        default:
            return "";
    }
}

void read_error(const HttpResponse& response, size_t entries, PutEventsAnswer& answer) {
    aws::ServiceError said = aws::parse_service_error(response);
    ErrorClass error = classify_error(said.code, response.status);
    if (said.code.empty()) said.code = "Http" + std::to_string(response.status);
    answer.error = error;
    answer.result.entries.assign(entries, verdict_of(error, said.code, said.message));
    answer.result.trouble = aws::permission_sentence(said);
    if (answer.result.trouble.empty()) answer.result.trouble = advice(error);
    answer.result.whole_request = error == ErrorClass::refused;
    answer.result.throttled = error == ErrorClass::throttled;
    answer.result.unreachable = error == ErrorClass::transient && response.status >= 500;
}

void read_failure(const HttpFailure& failure, size_t entries, PutEventsAnswer& answer) {
    const char* code = "";
    switch (failure.stage) {
        case HttpFailure::Stage::before_send:
            code = "NotConnected";
            break;
        case HttpFailure::Stage::after_send:
            code = "NoAnswer";
            break;
        case HttpFailure::Stage::cancelled:
            code = "Cancelled";
            break;
    }
    const Kind kind = failure.is_setup ? Kind::hold : Kind::retry;
    answer.result.entries.assign(entries, {kind, code, message(failure.text)});
    answer.result.unreachable =
        !failure.is_setup && failure.stage != HttpFailure::Stage::cancelled;
    answer.result.trouble = failure.text;
}

}  // namespace

PutEventsEncoder::PutEventsEncoder(std::string_view source, std::string_view bus)
    : source_size_(source.size()),
      before_cache_("{\"Source\":"),
      behind_body_("\",\"EventBusName\":") {
    append_json_string(before_cache_, source);
    before_cache_ += ",\"DetailType\":\"";
    append_json_string(behind_body_, bus);
    behind_body_ += ",\"Time\":";
}

size_t PutEventsEncoder::entry_size(const Record& record) const {
    size_t detail_type = record.cache.size() + 1 + record.topic.size();
    return time_size + source_size_ + detail_type + record.body.size();
}

std::string PutEventsEncoder::encode(const std::vector<const Record*>& batch) const {
    size_t expected = 64;
    for (const Record* record : batch) {
        size_t fields =
            record->cache.size() + record->topic.size() + record->trace_header.size();
        expected += record->body.size() * 5 / 4 + fields + before_cache_.size() +
                    behind_body_.size() + 60;
    }
    std::string json;
    json.reserve(expected);
    json += "{\"Entries\":[";
    for (const Record* record : batch) {
        if (record != batch.front()) json += ',';
        append_entry(json, *record);
    }
    json += "]}";
    return json;
}

void PutEventsEncoder::append_entry(std::string& json, const Record& record) const {
    json += before_cache_;
    append_escaped(json, record.cache);
    json += '#';
    append_escaped(json, record.topic);
    json += "\",\"Detail\":\"";
    append_escaped(json, record.body);
    json += behind_body_;
    append_seconds(json, record.accepted_ms);
    if (!record.trace_header.empty()) {
        json += ",\"TraceHeader\":";
        append_json_string(json, record.trace_header);
    }
    json += '}';
}

PutEventsAnswer read_putevents_answer(const HttpResult& http, size_t entries) {
    PutEventsAnswer answer;
    if (http.failed) {
        read_failure(http.failure, entries, answer);
    } else if (aws::is_foreign(http.response)) {
        read_foreign(http.response, entries, answer);
    } else if (http.response.status >= 200 && http.response.status < 300) {
        read_entries(http.response, entries, answer);
    } else {
        read_error(http.response, entries, answer);
    }
    answer.result.elapsed_us = http.elapsed_us;
    if (!http.failed) {
        answer.result.retry_after_ms = retry_after_ms(http.response);
        const std::string* id = http.response.header("x-amzn-requestid");
        if (id) answer.result.request_id = word(*id);
    }
    return answer;
}

}  // namespace momento
