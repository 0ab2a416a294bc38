#include "gateway/orphan_table.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace momento {
namespace {

// `to` is zeros.
template <size_t size>
void copy(std::string_view text, char (&to)[size]) {
    std::memcpy(to, text.data(), std::min(text.size(), size - 1));
}

// Of all names; never 0.
uint64_t key_of(const Orphan& orphan) {
    const std::string names = orphan.spool + '/' + orphan.destination + '/' + orphan.slot;
    const uint64_t key = std::hash<std::string>{}(names);
    return key == 0 ? 1 : key;
}

}  // namespace

bool OrphanTable::begin_configuration(std::string_view spool) {
    configuration_.fetch_add(1);
    if (spool.empty() || find_spool(spool) < max_spools) return true;
    if (spool.size() > max_path) return false;
    for (Spool& entry : spools_) {
        if (entry.ready.load(std::memory_order_acquire) != 0) continue;
        copy(spool, entry.path);
        entry.ready.store(1, std::memory_order_release);
        return true;
    }
    return false;
}

uint64_t OrphanTable::configuration() const {
    return configuration_.load();
}

std::vector<std::string> OrphanTable::spools() const {
    std::vector<std::string> paths;
    for (const Spool& entry : spools_) {
        if (entry.ready.load(std::memory_order_acquire) != 0) paths.emplace_back(entry.path);
    }
    return paths;
}

// max_spools: not there.
size_t OrphanTable::find_spool(std::string_view path) const {
    for (size_t i = 0; i < max_spools; ++i) {
        const bool is_used = spools_[i].ready.load(std::memory_order_acquire) != 0;
        if (is_used && path == spools_[i].path) return i;
    }
    return max_spools;
}

// nullptr: no room, or nothing known of what is in use.
OrphanTable::Cell* OrphanTable::find_or_take(const Orphan& orphan) {
    const size_t spool = find_spool(orphan.spool);
    if (spool == max_spools) return nullptr;
    const uint64_t key = key_of(orphan);
    for (size_t i = 0; i < max_orphans; ++i) {
        Cell& cell = cells_[(key + i) % max_orphans];
        uint64_t present = cell.key.load(std::memory_order_acquire);
        if (present == 0 && orphan.in_use) return nullptr;
        if (present == 0 && cell.key.compare_exchange_strong(present, key)) {
            cell.spool.store(static_cast<uint32_t>(spool), relaxed);
            copy(orphan.destination, cell.destination);
            copy(orphan.slot, cell.slot);
            cell.ready.store(1, std::memory_order_release);
            return &cell;
        }
        if (present == key) return &cell;
    }
    return nullptr;
}

const OrphanTable::Cell* OrphanTable::store(const Orphan& orphan) {
    Cell* cell = find_or_take(orphan);
    if (cell == nullptr || orphan.in_use) return cell;
    cell->events.store(orphan.events, relaxed);
    cell->bytes.store(orphan.bytes, relaxed);
    return cell;
}

bool OrphanTable::publish(uint64_t configuration, const std::vector<Orphan>& found) {
    if (configuration != this->configuration()) return false;
    uint64_t events = 0;
    std::vector<const Cell*> there;
    for (const Orphan& orphan : found) {
        const Cell* cell = store(orphan);
        if (cell != nullptr) there.push_back(cell);
        events += cell != nullptr && orphan.in_use ? cell->events.load(relaxed) : orphan.events;
    }
    for (Cell& cell : cells_) {
        const bool is_gone = std::find(there.begin(), there.end(), &cell) == there.end();
        if (is_gone) cell.events.store(0, relaxed);
    }
    return events_.exchange(events) != events;
}

uint64_t OrphanTable::events() const {
    return events_.load(relaxed);
}

std::vector<Orphan> OrphanTable::list() const {
    std::vector<Orphan> orphans;
    for (const Cell& cell : cells_) {
        const uint64_t events = cell.events.load(relaxed);
        if (cell.ready.load(std::memory_order_acquire) == 0 || events == 0) continue;
        orphans.push_back({spools_[cell.spool.load(relaxed)].path, cell.destination, cell.slot,
                           events, cell.bytes.load(relaxed)});
    }
    return orphans;
}

}  // namespace momento
