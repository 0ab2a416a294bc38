#include "gateway/record_pool.h"

#include <utility>

namespace momento {

RecordBuffer RecordPool::take(size_t expected_body) {
    if (records_.empty()) return RecordBuffer(expected_body);
    RecordBuffer record = std::move(records_.back());
    records_.pop_back();
    bytes_ -= record.capacity();
    record.begin(expected_body);
    return record;
}

void RecordPool::give_back(RecordBuffer record) noexcept {
    const size_t size = record.capacity();
    if (size == 0 || size > max_record_bytes || size > max_bytes - bytes_) return;
    if (records_.size() == max_records) return;
    bytes_ += size;
    records_.push_back(std::move(record));
}

}  // namespace momento
