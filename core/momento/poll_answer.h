// What the poll of a topic is answered: messages, and notices of what is missing between them.
// Pure; called by whoever polls, on its thread.
//
// The position follows the answer entry by entry, so that no message is skipped, whatever the
// service repeats, renumbers or drops: behind a discontinuity it is *at* new_topic_sequence,
// whose message may come with the next answer only. Source: "HTTP API for Momento Topics",
// Momento documentation, and cachepubsub.proto of momentohq/client-protos.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace momento {

inline constexpr size_t max_poll_answer_bytes = 32u << 20;

// Where to poll next. 0 and 0: nothing is known yet, what comes from now on.
struct TopicPosition {
    uint64_t page = 0;    // sequence_page
    uint64_t number = 0;  // the topic_sequence_number that is expected next

    bool is_known() const { return page != 0 || number != 0; }
    bool operator==(const TopicPosition& other) const {
        return page == other.page && number == other.number;
    }
};

struct TopicMessage {
    enum class Kind {
        text,
        binary,
        other,  // a value that this program does not know: `value` is its JSON
    };
    uint64_t page = 0;
    uint64_t number = 0;  // at most 2^63 - 1
    Kind kind = Kind::text;
    std::string value;    // the message's own bytes
    TopicPosition after;  // where to go on once it is stored
};

struct PollAnswer {
    // In order, without those that were before the position.
    std::vector<TopicMessage> messages;

    // Where to poll next, once all of them are stored. Further on than the last one's `after`
    // if a discontinuity stands at the end.
    TopicPosition next;

    uint64_t missed = 0;     // messages that did not come, as far as they can be counted
    uint64_t gaps = 0;       // how often messages are missing, or may be
    uint64_t uncounted = 0;  // gaps of unknown size: another page, or numbers that began anew
    uint64_t repeated = 0;   // messages left out
};

// Of an answer 200 to a poll at `asked`. An empty body is silence: nothing came. Members and
// entries that this program does not know are passed over. The error says what is wrong and
// quotes nothing; then nothing of the answer counts.
Result<PollAnswer> read_poll_answer(std::string_view body, TopicPosition asked);

}  // namespace momento
