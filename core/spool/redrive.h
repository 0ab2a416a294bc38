// What a person does with dead letters: redrives them, or removes them. For the
// command-line tool; blocks.
//
// The order that makes redriving safe: the event is durable at the tail of a slot of its
// own (tails.h), and only then its letter is marked (marks.h). A crash between the two
// leaves both: the event may be delivered twice, and is never lost. That a worker has the
// letters' slot locked is no obstacle; it does not write marks, and we write nothing else.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "spool/slot_reader.h"
#include "spool/tails.h"

namespace momento {

namespace steps {

inline constexpr char redriven_appended[] = "redriven appended";
inline constexpr char redriven_marked[] = "redriven marked";

}  // namespace steps

// Which letters.
struct LetterFilter {
    std::string reason;          // its code; empty: any
    int64_t older_than_ms = -1;  // by letter_time_ms(); below 0: any
};

int64_t letter_time_ms(const Record& letter);  // its last attempt, or its acceptance
bool is_match(const Record& letter, const LetterFilter& filter, int64_t now_ms);

struct RedriveSettings {
    LetterFilter filter;
    std::string to;        // destination; empty: the one the letter names
    bool dry_run = false;  // counts, and does nothing
};

struct RedriveReport {
    std::map<std::string, uint64_t> redriven;  // by destination
    uint64_t without_event = 0;                // no event can be made of them: malformed
    uint64_t without_destination = 0;          // they name none that is in the spool
    uint64_t in_doubt = 0;                     // not surely on disk yet (certain_until)
};

// Redrives matching letters of one slot into the spool of `tails`; adds to `report`, also
// before an error.
Status redrive_letters(const SlotPlace& letters, const RedriveSettings& settings, Tails& tails,
                       const SpoolTools& tools, RedriveReport* report);

// Marks matching letters of one slot as removed, and counts them. Those in doubt stay.
Result<uint64_t> remove_letters(const SlotPlace& letters, const LetterFilter& filter,
                                const SpoolTools& tools);

}  // namespace momento
