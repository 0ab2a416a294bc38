// Everything that is counted, in one piece of memory that all processes share, so that
// whichever worker answers `momento_status` tells all workers' totals.
//
// Zero-filled memory is a valid state with nothing in it. Entries are found by name and
// stay: a reload adds what is new and keeps what it finds, also what the configuration no
// longer names.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/enum_table.h"
#include "base/metrics.h"
#include "gateway/orphan_table.h"
#include "gateway/process_table.h"
#include "gateway/slot_table.h"
#include "gateway/thread_ends.h"
#include "ingest/secret_set.h"
#include "ingest/verifier.h"

namespace momento {

using VerdictCounts = EnumTable<Verdict, Counter>;

// What one location answered.
struct WebhookMetrics {
    // By Verdict; `dry_run` takes those of a dry run, whatever the verdict was.
    VerdictCounts requests;
    Counter dry_run;

    // For log lines (refusals.h).
    VerdictCounts dry_verdicts;  // those of `dry_run` that were judged
    Counter packed;              // forged ones with a gzip'ed body, since it was told
    Counter untimely_ms;         // age of the last stale or early one, as int64_t
    struct Told {
        Counter due_us;  // steady clock: when there may be told of more
        VerdictCounts requests;
        VerdictCounts dry_verdicts;
    } told;
};

// One secret, by the name of its source.
struct SecretMetrics {
    struct Version {
        Counter matches;
        Counter made_ms;  // wall clock; 0: there is none, or nobody knows
    };
    EnumTable<SecretStage, Version> versions;
    Counter said;  // of its file, last: SecretFeed::SaidOnce
};

// A fixed number of named entries. One process adds (the master, before it forks), all read.
template <class T, size_t capacity>
class NamedTable {
  public:
    static constexpr size_t max_name = 127;  // longer names are cut

    // The entry of that name, made if it is missing. nullptr if the table is full.
    T* find_or_add(std::string_view name) {
        name = name.substr(0, max_name);
        const size_t size = size_.load(std::memory_order_relaxed);
        for (size_t i = 0; i < size; ++i) {
            if (name == entries_[i].name) return &entries_[i].value;
        }
        if (size == capacity) return nullptr;
        std::memcpy(entries_[size].name, name.data(), name.size());
        size_.store(size + 1, std::memory_order_release);
        return &entries_[size].value;
    }

    // Calls use(name, value) for each.
    template <class Use>
    void for_each(Use use) {
        const size_t size = size_.load(std::memory_order_acquire);
        for (size_t i = 0; i < size; ++i) {
            use(std::string_view(entries_[i].name), entries_[i].value);
        }
    }
    template <class Use>
    void for_each(Use use) const {
        const size_t size = size_.load(std::memory_order_acquire);
        for (size_t i = 0; i < size; ++i) {
            use(std::string_view(entries_[i].name), entries_[i].value);
        }
    }

  private:
    struct Entry {
        char name[max_name + 1];
        T value;
    };

    std::atomic<size_t> size_;
    std::array<Entry, capacity> entries_;
};

using WebhookTable = NamedTable<WebhookMetrics, 256>;

struct SharedMetrics {
    // So much fits into the configuration of one nginx; what does not is served, but not
    // counted, and `nginx -t` says so.
    static constexpr size_t max_destinations = 64;
    static constexpr size_t max_secrets = 1024;

    // A worker process takes its place among all, before it counts anything: nothing is left
    // of who had the place before.
    void enter(size_t process);

    std::atomic<int64_t> started_ms;  // wall clock; set by whoever finds it 0
    ProcessTable processes;
    SlotTable slots;
    OrphanTable orphans;
    ThreadEnds thread_ends;
    WebhookTable webhooks;
    NamedTable<DestinationMetrics, max_destinations> destinations;
    NamedTable<SecretMetrics, max_secrets> secrets;
    Gauge parked;          // requests held back
    Gauge without_secret;  // 1: a webhook of this process has none

    // 0, or the build that has taken the place of the running one in its file (BuildWatch).
    Counter other_build;

    // When this process's delivery made its last step, steady clock, one for all processes; 0:
    // it is to have none. Health compares it with the time.
    Gauge delivery_stepped_us;
};

}  // namespace momento
