// Memory of records that a log's writer is done with, for records to come: the event loop
// neither allocates it nor frees it, and no thread frees what another one allocated.
//
// Belongs to the event loop. What it holds is bounded, whatever comes back.
#pragma once

#include <cstddef>
#include <vector>

#include "spool/record.h"

namespace momento {

class RecordPool {
  public:
    static constexpr size_t max_records = 1'024;
    static constexpr size_t max_bytes = 1u << 20;       // of all together
    static constexpr size_t max_record_bytes = 16'384;  // of one: so a few never fill it

    RecordPool() { records_.reserve(max_records); }

    RecordBuffer take(size_t expected_body);
    void give_back(RecordBuffer record) noexcept;  // or frees it, beyond the bounds

    size_t bytes() const { return bytes_; }  // that it holds

  private:
    std::vector<RecordBuffer> records_;  // empty ones; the last to come back goes first
    size_t bytes_ = 0;
};

}  // namespace momento
