// Which worker processes there are, in shared memory: what a process says of itself there
// (Gauge, the flags of its logs) counts while it lives, and not after a kill -9.
//
// A place belongs to one process at a time, as nginx's own table of processes says. Zero-
// filled memory is an empty table. Safe from any process and thread.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "base/metrics.h"

namespace momento {

class ProcessTable {
  public:
    // This process takes a place, below max_processes, until it leaves or ends.
    void enter(size_t place);
    void leave(size_t place);

    // Places of the processes that live: a system call for each. One whose number went to
    // another process counts until that one ends or the place is taken again.
    std::vector<size_t> living() const;

  private:
    std::array<Counter, max_processes> pids_;  // 0: free
};

}  // namespace momento
