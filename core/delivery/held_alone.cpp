#include "delivery/held_alone.h"

#include <algorithm>
#include <cassert>

namespace momento {
namespace {

constexpr int64_t least_gap_us = 1'000'000;
constexpr int64_t longest_gap_us = 30'000'000;
constexpr int64_t alone_us = 60'000'000;

std::string name_of(const Record& record) {
    std::string name(record.cache);
    name += '#';
    name += record.topic;
    return name;
}

}  // namespace

const HeldLine* HeldAlone::find(const Record& record) const {
    if (lines_.empty()) return nullptr;
    auto it = lines_.find(name_of(record));
    return it == lines_.end() ? nullptr : &it->second;
}

bool HeldAlone::is_alone(const Record& record, int64_t now_us) const {
    const HeldLine* line = find(record);
    return line != nullptr && now_us < line->alone_until_us;
}

bool HeldAlone::is_closed(const Record& record) const {
    const HeldLine* line = find(record);
    return line != nullptr && line->failures >= closed_after;
}

bool HeldAlone::failed(Entry* entry, int64_t now_us) {
    const bool is_from_line = entry->line != nullptr;
    HeldLine& line = is_from_line ? *entry->line : lines_[name_of(entry->record)];
    bool is_known = is_from_line || now_us < line.alone_until_us || !line.failed.empty();
    if (is_from_line) {
        leave(entry);
        entry->line = &line;
        gap_us_ = delivered_ ? least_gap_us : std::min(2 * gap_us_, longest_gap_us);
        next_us_ = now_us + gap_us_;
        delivered_ = false;
    } else if (waiting_ == 0) {
        gap_us_ = least_gap_us;
        next_us_ = now_us + gap_us_;
        delivered_ = false;
    }
    if (entry->holds == 0) {
        line.alone_until_us = now_us + alone_us;
        ++line.failures;
    }
    ++entry->holds;
    entry->line = &line;
    line.failed.push_back(entry);
    ++waiting_;
    return is_known;
}

void HeldAlone::add_untried(Entry* entry) {
    HeldLine& line = lines_[name_of(entry->record)];
    entry->line = &line;
    line.untried.push_back(entry);
    ++waiting_;
}

void HeldAlone::got_through(Entry* entry, int64_t now_us, std::vector<Entry*>& freed) {
    if (entry->line == nullptr) {
        if (auto it = lines_.find(name_of(entry->record)); it != lines_.end()) {
            it->second.failures = 0;
            free_all(it->second.untried, freed);
        }
        return;
    }
    HeldLine& line = *entry->line;
    leave(entry);
    line.failures = 0;
    free_all(line.untried, freed);
    if (entry->holds > 0) {
        line.alone_until_us = 0;
        free_all(line.failed, freed);
    }
    next_us_ = now_us;  // other lines may be free, too
    delivered_ = true;
}

void HeldAlone::free_all(std::deque<Entry*>& entries, std::vector<Entry*>& freed) {
    for (Entry* entry : entries) {
        entry->line = nullptr;
        freed.push_back(entry);
    }
    waiting_ -= entries.size();
    entries.clear();
}

void HeldAlone::leave(Entry* entry) {
    --entry->line->on_trial;
    --on_trial_;
    entry->line = nullptr;
}

void HeldAlone::forget(Entry* entry) {
    if (entry->line != nullptr) leave(entry);
}

Entry* HeldAlone::next(int64_t now_us, bool at_once) {
    if (!has_next() || (!at_once && now_us < next_us_)) return nullptr;
    auto it = lines_.upper_bound(last_);
    for (size_t looked = 0; looked <= lines_.size(); ++looked, ++it) {
        if (it == lines_.end()) it = lines_.begin();
        HeldLine& line = it->second;
        if (line.failed.empty() && line.untried.empty()) continue;
        const bool is_failed =
            line.untried.empty() || (line.failed_is_next && !line.failed.empty());
        line.failed_is_next = !is_failed;
        std::deque<Entry*>& from = is_failed ? line.failed : line.untried;
        Entry* entry = from.front();
        from.pop_front();
        --waiting_;
        ++line.on_trial;
        ++on_trial_;
        last_ = it->first;
        next_us_ = now_us + std::max(gap_us_, least_gap_us);
        return entry;
    }
    return nullptr;
}

int64_t HeldAlone::next_us() const {
    return has_next() ? next_us_ : never_us;
}

void HeldAlone::remove(Entry* entry) {
    HeldLine& line = *entry->line;
    for (std::deque<Entry*>* entries : {&line.failed, &line.untried}) {
        auto it = std::find(entries->begin(), entries->end(), entry);
        if (it == entries->end()) continue;
        entries->erase(it);
        --waiting_;
        break;
    }
    entry->line = nullptr;
}

void HeldAlone::note_delivery(int64_t now_us) {
    delivered_ = true;
    if (gap_us_ <= least_gap_us) return;
    gap_us_ = least_gap_us;
    next_us_ = std::min(next_us_, now_us + gap_us_);
}

void HeldAlone::tidy(int64_t now_us) {
    for (auto it = lines_.begin(); it != lines_.end();) {
        const HeldLine& line = it->second;
        const bool is_known = line.on_trial > 0 || now_us < line.alone_until_us ||
                              !line.failed.empty() || !line.untried.empty();
        it = is_known ? std::next(it) : lines_.erase(it);
    }
}

}  // namespace momento
