// Which dead letters the commands of `momentoctl dead` mean, and what there is to say where
// they do not find them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/console.h"
#include "cli/options.h"
#include "spool/redrive.h"
#include "spool/slot_reader.h"

namespace momento::cli {

struct LetterRequest {
    std::string directory;  // of the spool
    LetterFilter filter;
};

// Operands that are IDs, as `dead ls` prints them, and at most one that is a directory; the
// option --reason.
Result<LetterRequest> read_letter_request(const Given& given, const Console& console);

Option reason_option();

// "0123456789abcdef:7".
std::string letter_id(const SlotPlace& place, const Record& letter);

// Slots of dead letters; none if nothing was ever refused.
Result<std::vector<SlotPlace>> find_letters(const std::string& directory);

// The letters that were looked at, as far as a filter can miss them.
class Census {
  public:
    using Counts = std::map<std::string, uint64_t>;  // by reason

    void see(const SlotPlace& place, const Record& letter, bool is_match);
    void see(const std::string& reason, bool is_match);  // where there are no slots

    uint64_t matching() const { return matching_; }
    const Counts& matching_by_reason() const { return matching_by_reason_; }

    // Says what nothing matched: a reason that none has, with those that there are; IDs.
    // Found: an ID is not there.
    Outcome report(const LetterFilter& filter, Console& console) const;

  private:
    uint64_t matching_ = 0;
    Counts by_reason_;
    Counts matching_by_reason_;
    std::set<LetterId> ids_;  // of those that match
};

// Visits the letters of all slots that match.
Status for_each_letter(const LetterRequest& request, Console& console, Census& census,
                       const std::function<void(const SlotPlace&, const Record&)>& visit);

// "malformed": 2, "Refused": 1.
std::string list_counts(const std::map<std::string, uint64_t>& counts);

}  // namespace momento::cli
