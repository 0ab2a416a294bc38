#include "replay_zone.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "boundary.h"
#include "ingest/event_record.h"
#include "zone_memory.h"

namespace momento {

namespace {

// A process of nginx's: a number that was given again meanwhile counts as alive, which
// costs a refusal until the signature is stale, and lets nothing through.
bool is_alive(uint32_t process) {
    return kill(static_cast<pid_t>(process), 0) == 0 || errno != ESRCH;
}

constexpr uint32_t no_process = INT32_MAX;  // no system gives this number away

uint32_t this_process() {
    return static_cast<uint32_t>(ngx_pid);
}

constexpr size_t table_offset = sizeof(ReplayTable::Bucket);

ngx_slab_pool_t* pool_of(ngx_shm_zone_t* zone) {
    return reinterpret_cast<ngx_slab_pool_t*>(zone->shm.addr);
}

}  // namespace

class ReplayZone::Lock {
  public:
    explicit Lock(ngx_shm_zone_t* zone) : mutex_(&pool_of(zone)->mutex) {
        ngx_shmtx_lock(mutex_);
    }
    ~Lock() { ngx_shmtx_unlock(mutex_); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

  private:
    ngx_shmtx_t* mutex_;
};

ReplayZone::ReplayZone(std::string name)
    : name_(std::move(name)), key_(replay_zone_key(name_)) {}

ngx_int_t ReplayZone::add(ngx_conf_t* cf, size_t size) {
    ngx_str_t name = to_pool(cf->pool, name_);
    if (name.data == nullptr) return NGX_ERROR;
    zone_ = ngx_shared_memory_add(cf, &name, size, &ngx_http_momento_module);
    if (zone_ == nullptr) return NGX_ERROR;
    zone_->init = initialize;
    zone_->data = this;
    return NGX_OK;
}

void ReplayZone::use(int64_t max_age_ms) {
    window_ms_ = std::max(window_ms_, max_age_ms + margin_ms);
}

// nginx calls this for each configuration; `data` is what the last one left.
ngx_int_t ReplayZone::initialize(ngx_shm_zone_t* zone, void* data) noexcept {
    auto& self = *static_cast<ReplayZone*>(zone->data);
    ngx_slab_pool_t* pool = pool_of(zone);
    if (data == nullptr && !zone->shm.exists && !self.place(pool)) return NGX_ERROR;

    auto* shared = static_cast<Shared*>(pool->data);
    self.shared_ = shared;
    auto* table = reinterpret_cast<u_char*>(shared) + table_offset;
    self.table_ = ReplayTable(table, shared->size - table_offset);
    return NGX_OK;
}

// The whole of a new zone is one piece.
bool ReplayZone::place(ngx_slab_pool_t* pool) {
    const size_t size = pool->pfree * ngx_pagesize;
    pool->data = take_zeros(pool, size);
    if (pool->data == nullptr) return false;
    static_cast<Shared*>(pool->data)->size = size;
    return true;
}

bool ReplayZone::begin_filling() {
    uint32_t filler = shared_->filler.load();
    if (filler != 0 && filler != this_process() && is_alive(filler)) return false;
    return shared_->filler.compare_exchange_strong(filler, this_process());
}

ReplayTable::State ReplayZone::state_of(const AcceptedSignature& signature) {
    const bool is_malformed = signature.reason == own_reasons[OwnReason::malformed];
    return is_malformed ? ReplayTable::State::malformed : ReplayTable::State::accepted;
}

void ReplayZone::fill(const std::vector<AcceptedSignature>& signatures, int64_t now_ms) {
    const Lock lock(zone_);
    for (const AcceptedSignature& signature : signatures) {
        if (signature.zone != key_ || signature.in_doubt) continue;
        if (!table_.remember(signature.id, state_of(signature),
                             signature.publish_ms + window_ms_, now_ms)) {
            shared_->full.fetch_add(1, std::memory_order_relaxed);
        }
    }
}

void ReplayZone::end_filling(bool done) {
    if (done) shared_->filled.store(1);
    shared_->filler.store(0);
}

ReplayZone::Reservation ReplayZone::reserve(const ReplayId& id, int64_t publish_ms,
                                            bool may_take_over, int64_t now_ms) {
    const auto try_it = [&] {
        const Lock lock(zone_);
        return table_.reserve(id, this_process(), publish_ms + window_ms_, now_ms);
    };
    const ReplayTable::Reservation reservation = try_it();
    switch (reservation.outcome) {
        case ReplayTable::Outcome::reserved:
            return {Outcome::reserved};
        case ReplayTable::Outcome::full:
            shared_->full.fetch_add(1, std::memory_order_relaxed);
            return {Outcome::full};
        case ReplayTable::Outcome::known:
            break;
    }
    const auto [state, owner] = reservation.found;
    if (state != ReplayTable::State::pending) return {Outcome::duplicate, state};
    if (owner == this_process() || is_alive(owner)) return {Outcome::unsettled};
    if (!may_take_over) return {Outcome::abandoned};
    const Lock lock(zone_);
    const bool is_mine = table_.take_over(id, owner, this_process(), now_ms);
    return {is_mine ? Outcome::reserved : Outcome::unsettled};
}

bool ReplayZone::knows(const ReplayId& id, int64_t now_ms) const {
    const Lock lock(zone_);
    return table_.find(id, now_ms).has_value();
}

void ReplayZone::settle(const ReplayId& id, ReplayTable::State state, int64_t now_ms) {
    const Lock lock(zone_);
    table_.settle(id, state, now_ms);
}

void ReplayZone::withdraw(const ReplayId& id, int64_t now_ms) {
    const Lock lock(zone_);
    table_.withdraw(id, this_process(), now_ms);
}

void ReplayZone::abandon(const ReplayId& id, int64_t now_ms) {
    const Lock lock(zone_);
    table_.take_over(id, this_process(), no_process, now_ms);
}

void ReplayZone::settle_abandoned(const std::vector<AcceptedSignature>& signatures,
                                  int64_t now_ms) {
    for (const AcceptedSignature& signature : signatures) {
        if (signature.zone != key_) continue;
        const auto find = [&] {
            const Lock lock(zone_);
            return table_.find(signature.id, now_ms);
        };
        const auto found = find();
        if (!found || found->state != ReplayTable::State::pending) continue;
        if (found->owner == this_process() || is_alive(found->owner)) continue;
        settle(signature.id, state_of(signature), now_ms);
    }
}

}  // namespace momento
