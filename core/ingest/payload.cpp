#include "ingest/payload.h"

#include <simdjson.h>

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "base/enum_table.h"

namespace momento {

namespace {

namespace dom = simdjson::dom;

static_assert(body_padding >= simdjson::SIMDJSON_PADDING);

constexpr size_t max_nesting = 1000;  // levels; for whatever destination

// simdjson keeps its own count of levels, in which a value inside the last one needs one
// more, and an empty object or array does not.
constexpr size_t parser_depth = max_nesting + 1;

// Most events are smaller; a larger one makes the buffers grow once.
constexpr size_t first_capacity = 4096;

enum class Name { cache, topic, publish_timestamp, sequence, token_id, count };
constexpr auto names = enum_table<Name, std::string_view>({
    {Name::cache, "cache"},
    {Name::topic, "topic"},
    {Name::publish_timestamp, "publish_timestamp"},
    {Name::sequence, "topic_sequence_number"},
    {Name::token_id, "token_id"},
});

// The values of the members that this room reads.
using Members = EnumTable<Name, std::optional<dom::element>>;

Error wrong(Name name, const char* what) {
    return Error{'"' + std::string(names[name]) + "\" " + what};
}

std::string limit_of(const EventLimits& limits) {
    return std::string(", ") + limits.whose + "'s limit";
}

Error too_deep(const EventLimits& limits) {
    const bool is_its_own = limits.nesting <= max_nesting;
    return Error{"nested deeper than " + std::to_string(std::min(limits.nesting, max_nesting)) +
                 " levels" + (is_its_own ? limit_of(limits) : "")};
}

Error explain(simdjson::error_code code, const EventLimits& limits) {
    switch (code) {
        case simdjson::MEMALLOC:
            throw std::bad_alloc();
        case simdjson::EMPTY:
            return Error{"the body is empty"};
        case simdjson::UTF8_ERROR:
            return Error{"the body is not UTF-8"};
        case simdjson::DEPTH_ERROR:
            return too_deep(limits);
        case simdjson::NUMBER_ERROR:
            return Error{"a number is invalid or does not fit 64 bits"};
        case simdjson::STRING_ERROR:
            return Error{"a string holds an invalid escape"};
        default:
            return Error{"not valid JSON"};
    }
}

Result<std::string_view> read_name(const Members& members, Name name) {
    if (!members[name]) return wrong(name, "is missing");
    std::string_view text;
    if (members[name]->get(text) != simdjson::SUCCESS) return wrong(name, "is not a string");
    if (text.empty()) return wrong(name, "is empty");
    return text;
}

size_t count_characters(std::string_view utf8) {
    return static_cast<size_t>(
        std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

struct PayloadParser::State {
    dom::parser parser{};
    std::vector<std::pair<dom::element, size_t>> open;  // check_values()'s: kept for its memory

    Result<dom::element> read(std::string_view body, const EventLimits& limits);
    static Result<Members> find_members(dom::element root);
    Status check_values(dom::element root, const EventLimits& limits);
};

Result<dom::element> PayloadParser::State::read(std::string_view body,
                                                const EventLimits& limits) {
    // RFC 8259, 8.1: no sender adds one. Some versions of simdjson skip it, others do not.
    if (body.substr(0, 3) == "\xef\xbb\xbf") return Error{"begins with a byte order mark"};

    dom::element root;
    auto code = parser.parse(body.data(), body.size(), false).get(root);
    if (code != simdjson::SUCCESS) return explain(code, limits);
    if (!root.is_object()) return Error{"not a JSON object"};
    return root;
}

Result<Members> PayloadParser::State::find_members(dom::element root) {
    Members members;
    for (dom::key_value_pair field : dom::object(root)) {
        const auto found = std::find(names.values.begin(), names.values.end(), field.key);
        if (found == names.values.end()) continue;
        const auto name = static_cast<Name>(found - names.values.begin());
        if (members[name]) return wrong(name, "appears twice");
        members[name] = field.value;
    }
    return members;
}

// Holds every value against these limits. Not recursive: how deep it goes is the
// sender's choice.
Status PayloadParser::State::check_values(dom::element root, const EventLimits& limits) {
    open.assign(1, {root, 1});
    while (!open.empty()) {
        auto [container, level] = open.back();
        open.pop_back();
        if (level > std::min(limits.nesting, max_nesting)) return too_deep(limits);

        bool fits = true;
        auto check = [&, inside = level + 1](dom::element value) {
            switch (value.type()) {
                case dom::element_type::ARRAY:
                case dom::element_type::OBJECT:
                    open.emplace_back(value, inside);
                    break;
                case dom::element_type::UINT64:  // only what is beyond int64_t
                    fits = !limits.int64_only;
                    break;
                default:
                    break;
            }
        };
        if (container.is_object()) {
            for (dom::key_value_pair field : dom::object(container)) check(field.value);
        } else {
            for (dom::element value : dom::array(container)) check(value);
        }
        if (!fits) return Error{"an integer does not fit signed 64 bits" + limit_of(limits)};
    }
    return {};
}

PayloadParser::PayloadParser() : state_(std::make_unique<State>()) {
    if (state_->parser.allocate(first_capacity, parser_depth) != simdjson::SUCCESS) {
        throw std::bad_alloc();
    }
}

PayloadParser::~PayloadParser() = default;

Result<Payload> PayloadParser::parse(std::string_view body, const EventLimits& limits) {
    auto root = state_->read(body, limits);
    if (!root) return root.error();
    if (Status values = state_->check_values(*root, limits); !values) return values.error();
    auto members = State::find_members(*root);
    if (!members) return members.error();

    Payload payload;
    auto cache_name = read_name(*members, Name::cache);
    if (!cache_name) return cache_name.error();
    payload.cache = *cache_name;
    auto topic_name = read_name(*members, Name::topic);
    if (!topic_name) return topic_name.error();
    payload.topic = *topic_name;
    if (count_characters(payload.cache) + 1 + count_characters(payload.topic) > limits.names) {
        return Error{"cache#topic is longer than " + std::to_string(limits.names) +
                     " characters" + limit_of(limits)};
    }

    if (!(*members)[Name::publish_timestamp])
        return wrong(Name::publish_timestamp, "is missing");
    if ((*members)[Name::publish_timestamp]->get(payload.publish_timestamp) !=
        simdjson::SUCCESS) {
        return wrong(Name::publish_timestamp, "is not an integer");
    }
    if (const auto& value = (*members)[Name::sequence]) {
        int64_t number = -1;
        if (value->get(number) != simdjson::SUCCESS || number < 0) {
            return wrong(Name::sequence, "is not a non-negative integer");
        }
        payload.sequence = number;
    }
    if (const auto& value = (*members)[Name::token_id]; value && !value->is_null()) {
        if (value->get(payload.token_id) != simdjson::SUCCESS) {
            return wrong(Name::token_id, "is not a string");
        }
    }
    return payload;
}

std::optional<Payload> PayloadParser::peek(std::string_view body) {
    auto root = state_->read(body, {});
    if (!root) return std::nullopt;
    auto members = State::find_members(*root);
    if (!members) return std::nullopt;
    auto cache_name = read_name(*members, Name::cache);
    auto topic_name = read_name(*members, Name::topic);
    if (!cache_name || !topic_name) return std::nullopt;

    Payload names_only;
    names_only.cache = *cache_name;
    names_only.topic = *topic_name;
    return names_only;
}

}  // namespace momento
