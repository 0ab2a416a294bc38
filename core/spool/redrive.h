// What a person does with dead letters: redrives them, or removes them. For the
// command-line tool; blocks.
//
// The order that makes redriving safe: the event is durable at the tail of a slot of its
// own (tails.h), and only then its letter is marked (marks.h). A crash between the two
// leaves both: the event may be delivered twice, and is never lost. That a worker has the
// letters' slot locked is no obstacle; it does not write marks, and we write nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "base/result.h"
#include "spool/slot_reader.h"
#include "spool/tails.h"

namespace momento {

namespace steps {

inline constexpr char redriven_appended[] = "redriven appended";
inline constexpr char redriven_marked[] = "redriven marked";

}  // namespace steps

// A letter's name: the slot it stands in, and its sequence there.
struct LetterId {
    std::string slot;
    uint64_t sequence = 0;

    bool operator<(const LetterId& other) const {
        return std::tie(slot, sequence) < std::tie(other.slot, other.sequence);
    }
};

// Which letters.
struct LetterFilter {
    std::optional<std::set<LetterId>> ids;  // nothing: any
    std::string reason;                     // its code; empty: any
    int64_t older_than_ms = -1;             // by letter_time_ms(); below 0: any
};

int64_t letter_time_ms(const Record& letter);  // its last attempt, or its acceptance

// `slot`: where it stands.
bool is_match(const std::string& slot, const Record& letter, const LetterFilter& filter,
              int64_t now_ms);

struct RedriveSettings {
    LetterFilter filter;
    std::string to;                     // destination; empty: the one the letter names
    bool dry_run = false;               // counts, and does nothing
    std::function<void()> on_redriven;  // optional: the report has grown
};

struct RedriveReport {
    using Counts = std::map<std::string, uint64_t>;  // by destination
    Counts redriven;
    Counts without_destination;  // what they name is not in the spool
    uint64_t without_event = 0;  // no event can be made of them: malformed
    uint64_t in_doubt = 0;       // not surely on disk yet (certain_until)
};

// Redrives matching letters of one slot into the spool of `tails`; adds to `report`, also
// before an error.
Status redrive_letters(const SlotPlace& letters, const RedriveSettings& settings, Tails& tails,
                       const SpoolTools& tools, RedriveReport* report);

// Marks matching letters of one slot as removed, and counts them. Those in doubt stay.
Result<uint64_t> remove_letters(const SlotPlace& letters, const LetterFilter& filter,
                                const SpoolTools& tools);

}  // namespace momento
