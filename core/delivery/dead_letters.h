// Stores what was refused for good as dead letters, and says when they are durable: only
// then may a record be released as dead.
//
// Belongs to the delivery thread; the letters' writer answers through a mailbox that this
// object owns, so it must outlive that writer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mailbox.h"
#include "delivery/entry.h"
#include "spool/log.h"

namespace momento {

class DeadLetters {
  public:
    // `wake` is called from the writer's thread.
    DeadLetters(std::string destination, std::shared_ptr<Log> log, std::function<void()> wake);

    // Makes a letter of an entry with a `refusal`; it leaves with the next post().
    void bury(Entry* entry);
    void post();

    // Entries whose letters are durable, and those whose letters could not be stored.
    void settle(std::vector<Entry*>& durable, std::vector<Entry*>& failed);

    bool idle() const { return unsettled_.empty(); }
    size_t count() const { return unsettled_.size(); }  // of entries whose letters are on
    size_t bytes() const { return bytes_; }             // their way

  private:
    const std::string destination_;
    const std::shared_ptr<Log> log_;
    Mailbox<Settlement> settlements_;
    std::vector<Settlement> taken_;
    std::vector<RecordBuffer> letters_;  // of this turn, the last tickets
    uint64_t next_ticket_ = 1;
    std::map<uint64_t, Entry*> unsettled_;  // by ticket
    size_t bytes_ = 0;
};

}  // namespace momento
