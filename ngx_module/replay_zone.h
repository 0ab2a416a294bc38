// `momento_replay_zone`: which signatures were accepted, in memory that all workers share.
//
// core's ReplayTable under nginx's lock for the zone, which the master takes from a worker
// that died holding it. It is kept over reloads; a new one knows nothing, and is filled from
// the spool before anybody asks it (SignatureReadings; requests wait meanwhile). Called on
// the event loop, but for what belongs to the configuration.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "ingest/replay_table.h"
#include "ngx.h"
#include "spool/replay_ids.h"

namespace momento {

class ReplayZone {
  public:
    // A signature is remembered for so long after it could last be fresh: a clock may be set
    // back by less.
    static constexpr int64_t margin_ms = 60'000;

    explicit ReplayZone(std::string name);

    // --- while the configuration is read

    ngx_int_t add(ngx_conf_t* cf, size_t size);
    void use(int64_t max_age_ms);  // by a location
    bool is_used() const { return window_ms_ > 0; }
    const std::string& name() const { return name_; }
    uint32_t key() const { return key_; }

    // From an event's publish_timestamp until its signature may be forgotten.
    int64_t window_ms() const { return window_ms_; }

    // --- a new zone is filled by one process

    bool is_filled() const { return shared_->filled.load() != 0; }

    // True if this process is to fill it: nobody does, or who did has died.
    bool begin_filling();
    void fill(const std::vector<AcceptedSignature>& signatures, int64_t now_ms);
    void end_filling(bool done);  // false: somebody must begin anew

    // --- one signature

    enum class Outcome {
        reserved,   // it is this process's to settle or withdraw
        duplicate,  // `first` tells what became of the first copy
        unsettled,  // the first copy's fate is open
        abandoned,  // the first copy's process died: only the spool knows
        full,
    };
    struct Reservation {
        Outcome outcome;
        ReplayTable::State first = ReplayTable::State::free;
    };
    // `may_take_over`: the spool was read since, and an abandoned one is not in it.
    Reservation reserve(const ReplayId& id, int64_t publish_ms, bool may_take_over,
                        int64_t now_ms);

    // As reserve() would say, but leaves no trace.
    bool knows(const ReplayId& id, int64_t now_ms) const;

    void settle(const ReplayId& id, ReplayTable::State state, int64_t now_ms);
    void withdraw(const ReplayId& id, int64_t now_ms);

    // As if this process had died: only the spool knows what became of the record.
    void abandon(const ReplayId& id, int64_t now_ms);

    // Those of processes that died are settled by what the spool says.
    void settle_abandoned(const std::vector<AcceptedSignature>& signatures, int64_t now_ms);

    // --- numbers

    size_t count(int64_t now_ms) const { return table_.count(now_ms); }
    size_t capacity() const { return table_.capacity(); }
    uint64_t times_full() const { return shared_->full.load(std::memory_order_relaxed); }

  private:
    // At the start of the memory; zeros at first.
    struct Shared {
        size_t size;  // of all of it, the table included
        std::atomic<uint32_t> filled;
        std::atomic<uint32_t> filler;  // process id
        Counter full;
    };

    class Lock;

    static ngx_int_t initialize(ngx_shm_zone_t* zone, void* data) noexcept;
    bool place(ngx_slab_pool_t* pool);
    static ReplayTable::State state_of(const AcceptedSignature& signature);

    const std::string name_;
    const uint32_t key_;
    int64_t window_ms_ = 0;
    ngx_shm_zone_t* zone_ = nullptr;
    Shared* shared_ = nullptr;
    ReplayTable table_;
};

}  // namespace momento
