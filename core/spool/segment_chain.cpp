#include "spool/segment_chain.h"

#include <algorithm>
#include <iterator>

#include "spool/planted.h"

namespace momento {
namespace {

using Found = std::map<uint64_t, FoundSegment>;

Found::const_iterator newest_of(const Found& found, std::string_view slot) {
    for (auto at = found.end(); at != found.begin();) {
        if ((--at)->second.header.slot == slot) return at;
    }
    return std::prev(found.end());
}

bool names(const SegmentHeader& header, const SegmentHeader& before) {
    if (before.number != header.predecessor || before.number >= header.number) return false;
    if (before.first_sequence > header.first_sequence) return false;
    // Earlier versions did not note the salt.
    return header.predecessor_salt == Salt{} ? before.slot == header.slot
                                             : before.salt == header.predecessor_salt;
}

// The next lower one that can have stood before what `at` names and is not there.
Found::const_iterator elder_of(const Found& found, Found::const_iterator at, uint64_t shared) {
    const SegmentHeader& header = at->second.header;
    for (auto before = found.lower_bound(std::min(header.predecessor, header.number));
         before != found.begin();) {
        const SegmentHeader& elder = (--before)->second.header;
        const bool is_of_slot = elder.slot == header.slot || elder.number == shared;
        if (is_of_slot && elder.first_sequence <= header.first_sequence) return before;
    }
    return found.end();
}

}  // namespace

std::vector<ChainLink> follow_chain(const Found& found, const BadNumbers& bad,
                                    std::string_view slot, uint64_t base_sequence,
                                    uint64_t shared) {
    std::vector<ChainLink> chain;
    if (found.empty()) return chain;
    auto at = newest_of(found, slot);
    chain.push_back({at->first, false, at->second.size, 0});
    for (;;) {
        const SegmentHeader& header = at->second.header;
        if (header.predecessor == 0) break;
        const auto named = found.find(header.predecessor);
        if (named != found.end() && names(header, named->second.header)) {
            at = named;
            chain.push_back({at->first, true, header.predecessor_end,
                             header.predecessor_newest_publish_ms});
            continue;
        }
        // What is released may be gone.
        const bool is_bad = std::find(bad.begin(), bad.end(), header.predecessor) != bad.end();
        if (!is_bad && header.first_sequence <= base_sequence) break;
        if (planted(Bug::gap_ends_log)) break;
        const auto elder = elder_of(found, at, shared);
        if (elder == found.end()) break;
        at = elder;
        chain.push_back(
            {at->first, false, at->second.size, header.predecessor_newest_publish_ms});
    }
    std::reverse(chain.begin(), chain.end());
    return chain;
}

bool may_be_missed(uint64_t number, const std::vector<ChainLink>& chain, const Found& found,
                   uint64_t base_sequence) {
    const auto after =
        std::find_if(chain.begin(), chain.end(),
                     [number](const ChainLink& link) { return link.number > number; });
    // The next one names the one before: this one was never the log's.
    if (after != chain.begin() && after != chain.end() && std::prev(after)->vouched) {
        return false;
    }
    return std::none_of(after, chain.end(), [&](const ChainLink& link) {
        return found.at(link.number).header.first_sequence <= base_sequence;
    });
}

}  // namespace momento
