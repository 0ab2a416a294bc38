#include "gateway/thread_ends.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"
#include "spool/planted.h"

namespace momento {
namespace {

uint64_t key_of(std::string_view destination, std::string_view slot) {
    return hash_of(slot, hash_of("/", hash_of(destination)));
}

template <size_t size>
void copy(char (&to)[size], std::string_view text) {
    const size_t length = std::min(text.size(), size - 1);
    std::memcpy(to, text.data(), length);
    to[length] = '\0';
}

}  // namespace

// One of an earlier configuration is nobody's any more.
bool ThreadEnds::take(Cell& cell, uint64_t configuration) {
    if (cell.key.load() != 0 && cell.configuration.load() >= configuration) return false;
    return cell.taken.exchange(1) == 0;
}

bool ThreadEnds::set_aside(uint64_t configuration, std::string_view destination,
                           std::string_view slot) {
    if (planted(Bug::slot_not_set_aside)) return true;
    if (is_set_aside(configuration, destination, slot)) return true;
    for (Cell& cell : cells_) {
        if (!take(cell, configuration)) continue;
        const bool is_free = cell.key.load() == 0 || cell.configuration.load() < configuration;
        if (is_free) {
            cell.key.store(0);
            copy(cell.destination, destination);
            copy(cell.slot, slot);
            cell.configuration.store(configuration);
            cell.key.store(key_of(destination, slot));
        }
        cell.taken.store(0);
        if (is_free) return true;
    }
    return false;
}

bool ThreadEnds::is_set_aside(uint64_t configuration, std::string_view destination,
                              std::string_view slot) const {
    const uint64_t key = key_of(destination, slot);
    return std::any_of(cells_.begin(), cells_.end(), [&](const Cell& cell) {
        return cell.key.load() == key && cell.configuration.load() >= configuration;
    });
}

std::vector<SlotSetAside> ThreadEnds::list(uint64_t configuration) const {
    std::vector<SlotSetAside> all;
    for (const Cell& cell : cells_) {
        if (cell.key.load() == 0 || cell.configuration.load() < configuration) continue;
        all.push_back({cell.destination, cell.slot});
    }
    return all;
}

size_t ThreadEnds::closed_processes(const std::vector<size_t>& living) const {
    return static_cast<size_t>(std::count_if(
        living.begin(), living.end(),
        [this](size_t place) { return closed_[place].load(std::memory_order_relaxed) != 0; }));
}

bool ThreadEnds::may_act(int64_t now_us) {
    uint64_t acted_us = acted_us_.load();
    const bool is_quiet = acted_us == 0 || now_us - static_cast<int64_t>(acted_us) >= quiet_us;
    return is_quiet &&
           acted_us_.compare_exchange_strong(acted_us, static_cast<uint64_t>(now_us));
}

}  // namespace momento
