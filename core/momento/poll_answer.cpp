#include "momento/poll_answer.h"

#include <simdjson.h>

#include <limits>
#include <new>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/base64.h"

namespace momento {
namespace {

namespace dom = simdjson::dom;

// EventBridge takes no larger ones in an event, and one more must have room.
constexpr uint64_t max_number = std::numeric_limits<int64_t>::max();

Error malformed(const std::string& what) {
    return Error{"the answer to a poll is not Momento's: " + what};
}

// A member that is a number; nothing if it is absent or null.
Result<std::optional<uint64_t>> read_number(dom::object object, const char* name) {
    dom::element element;
    if (object.at_key(name).get(element) != simdjson::SUCCESS || element.is_null()) {
        return std::optional<uint64_t>();
    }
    uint64_t number = 0;
    if (element.get(number) != simdjson::SUCCESS || number > max_number) {
        return malformed('"' + std::string(name) + "\" is not an integer from 0 to 2^63 - 1");
    }
    return std::optional<uint64_t>(number);
}

void read_value(dom::object item, TopicMessage& message) {
    dom::element value;
    std::string_view text;
    message.kind = TopicMessage::Kind::other;
    if (item.at_key("value").get(value) != simdjson::SUCCESS) return;
    if (value["text"].get(text) == simdjson::SUCCESS) {
        message.kind = TopicMessage::Kind::text;
        message.value = std::string(text);
        return;
    }
    if (value["binary"].get(text) == simdjson::SUCCESS) {
        if (auto bytes = from_base64(text)) {
            message.kind = TopicMessage::Kind::binary;
            message.value = std::move(*bytes);
            return;
        }
    }
    message.value = simdjson::minify(value);
}

// Goes through an answer's entries, with the position.
class Walk {
  public:
    explicit Walk(TopicPosition asked) { answer_.next = asked; }

    Status take(dom::element entry) {
        dom::object object;
        if (entry["discontinuity"].get(object) == simdjson::SUCCESS) {
            return take_discontinuity(object);
        }
        if (entry["item"].get(object) == simdjson::SUCCESS) return take_item(object);
        return {};  // of a kind that is not known
    }

    PollAnswer finish() { return std::move(answer_); }

  private:
    Status take_discontinuity(dom::object notice) {
        auto number = read_number(notice, "new_topic_sequence");
        if (!number) return number.error();
        auto page = read_number(notice, "new_sequence_page");
        if (!page) return page.error();
        if (!*number) return malformed("a discontinuity has no \"new_topic_sequence\"");
        move_to({page->value_or(answer_.next.page), **number});
        return {};
    }

    Status take_item(dom::object item) {
        auto number = read_number(item, "topic_sequence_number");
        if (!number) return number.error();
        auto page = read_number(item, "sequence_page");
        if (!page) return page.error();
        if (!*number) return malformed("an item has no \"topic_sequence_number\"");

        TopicMessage message;
        message.number = **number;
        message.page = page->value_or(answer_.next.page);
        if (is_repeated(message)) {
            ++answer_.repeated;
            return {};
        }
        move_to({message.page, message.number});
        read_value(item, message);
        answer_.next.number = message.number + 1;
        message.after = answer_.next;
        answer_.messages.push_back(std::move(message));
        return {};
    }

    // Without a notice numbers only grow, within a page.
    bool is_repeated(const TopicMessage& message) const {
        return message.page == answer_.next.page && message.number < answer_.next.number;
    }

    // Counts what is between the position and `there`, and goes there.
    void move_to(TopicPosition there) {
        const TopicPosition here = std::exchange(answer_.next, there);
        if (!here.is_known() || here == there) return;
        // A position without a page counts in whichever page there is.
        const bool is_same_page = here.page == there.page || here.page == 0;
        if (is_same_page && here.number == there.number) return;
        ++answer_.gaps;
        if (is_same_page && there.number > here.number) {
            answer_.missed += there.number - here.number;
        } else {
            ++answer_.uncounted;
        }
    }

    PollAnswer answer_;
};

Error explain(simdjson::error_code code) {
    if (code == simdjson::MEMALLOC) throw std::bad_alloc();
    return malformed(code == simdjson::UTF8_ERROR ? "it is not UTF-8" : "it is not JSON");
}

}  // namespace

Result<PollAnswer> read_poll_answer(std::string_view body, TopicPosition asked) {
    Walk walk(asked);
    if (trim(body).empty()) return walk.finish();
    if (body.size() > max_poll_answer_bytes) return malformed("it is larger than 32 MB");

    dom::parser parser;
    dom::element root;
    const auto code = parser.parse(body.data(), body.size()).get(root);
    if (code != simdjson::SUCCESS) return explain(code);
    dom::array entries;
    if (root["items"].get(entries) != simdjson::SUCCESS) {
        return malformed("it has no array \"items\"");
    }
    for (dom::element entry : entries) {
        if (Status taken = walk.take(entry); !taken) return taken.error();
    }
    return walk.finish();
}

}  // namespace momento
