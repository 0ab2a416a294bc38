// The event loop's end of a log: what it collects in a turn, and who waits for it.
//
// Belongs to the event loop. Settlements come in the order of the records that were
// appended, and so do their waiters.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/mailbox.h"
#include "gateway/engine.h"
#include "gateway/record_pool.h"
#include "gateway/seated_log.h"

namespace momento {

class Channel {
  public:
    // `wake`, from any thread: collect() has something. `pool` gets back what was appended.
    Channel(std::shared_ptr<SeatedLog> log, std::function<void()> wake, RecordPool& pool,
            bool may_use_reserve);
    ~Channel() { log_->retire(); }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    // If there is no memory for it, std::bad_alloc: then the waiter is the caller's still.
    void append(RecordBuffer record, std::unique_ptr<Waiter>&& waiter);
    void flush();    // the end of a turn: hands over what was appended
    void collect();  // settles waiters, and resolves those that wait on
    void give_up();  // as not durable, and as dead

    // From now on waiters may wait until their event is resolved.
    void watch();
    void forget(uint64_t sequence) { waiting_on_.erase(sequence); }  // and its waiter

    const std::shared_ptr<SeatedLog>& log() const { return log_; }

  private:
    // Records that have left in a batch and are not settled yet.
    size_t handed_over() const { return waiters_.size() - batch_.records.size(); }

    void collect_settlements();
    void settle_taken();
    void collect_used();
    void settle_next(bool durable, uint64_t sequence);
    void collect_releases();
    void resolve(uint64_t sequence, bool delivered);

    const std::shared_ptr<SeatedLog> log_;
    Mailbox<Settlement> settlements_;
    Mailbox<std::vector<RecordBuffer>> used_;  // wakes nobody: settlements come with it
    Mailbox<std::vector<Release>> releases_;
    RecordPool& pool_;
    const bool may_use_reserve_;
    AppendBatch batch_;
    uint64_t next_ticket_ = 1;
    std::deque<std::unique_ptr<Waiter>> waiters_;
    std::vector<Settlement> taken_settlements_;
    size_t settled_ = 0;  // of them
    std::vector<std::vector<RecordBuffer>> taken_used_;

    // Of a watched log, by sequence: who waits to hear what became of it, and what became
    // of those whose settlement is still under way.
    bool watched_ = false;
    std::vector<std::vector<Release>> taken_releases_;
    std::unordered_map<uint64_t, std::unique_ptr<Waiter>> waiting_on_;
    std::unordered_map<uint64_t, bool> early_;
    uint64_t last_settled_ = 0;
};

}  // namespace momento
