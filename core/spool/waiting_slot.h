// A slot of its own for records that cannot be read now, so that the log they stand in can be
// released, and read on, behind them. It holds
//
//   their segment     the same file under a second name: nothing of it is read or copied
//   the next segment  empty; it names the first one, and where it ends
//   a cursor          in which these records alone are pending
//
// and is a slot like any other: whoever adopts it finds the hole, and delivers what of it can
// be read. A segment that two slots have is never written again, only removed from each.
//
// Called by the log's writer. Blocks on the disk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/random.h"
#include "base/result.h"
#include "spool/log.h"
#include "spool/slots.h"

namespace momento {

struct WaitingRecords {
    UnreadRecords found;
    std::vector<uint64_t> pending;  // sequences, in order, at least one
    int64_t newest_publish_ms = 0;  // in the segment
};

// One that was made. Nobody takes it while it is locked.
struct WaitingSlot {
    std::string name;
    std::unique_ptr<FileLock> lock;
    uint64_t last_sequence = 0;  // of its records
};

// Makes it beside `slot`, whole and durable before anybody can take it. Whoever calls holds its
// lock until the records are durably released where they stood: what of it is delivered before
// that would be delivered from there, too. On an error nothing is left, or a directory that is
// no slot, which the next call removes.
Result<WaitingSlot> make_waiting_slot(const Slot& slot, const WaitingRecords& records,
                                      int64_t now_ms, Random& random);

}  // namespace momento
