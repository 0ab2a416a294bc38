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

// Makes it beside `slot`, whole and durable before anybody can take it. Its name; on an error
// nothing is left, or a directory that is no slot, which the next call removes.
Result<std::string> make_waiting_slot(const Slot& slot, const WaitingRecords& records,
                                      int64_t now_ms, Random& random);

}  // namespace momento
