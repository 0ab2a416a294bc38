// Walks the records of one segment file, for recovery and for readers. It only says what
// stands where; what a bad place means is for the caller to judge.
//
// Belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"
#include "spool/record.h"

namespace momento {

class SegmentScan {
  public:
    enum class Found {
        record,
        bad,  // not a whole record of this segment
        end,  // nothing before `end`
    };

    SegmentScan(std::shared_ptr<File> file, const Salt& salt, uint64_t offset);

    uint64_t offset() const { return offset_; }
    void move_to(uint64_t offset) { offset_ = offset; }

    // Looks at offset(), without moving; nothing at or beyond `end` is believed. The views
    // of `record` point into chunk().
    Result<Found> look(uint64_t end, Record& record);

    // It gets more of the file later on; what it holds stays. All who keep it are of the
    // scan's thread.
    std::shared_ptr<const Bytes> chunk() const { return chunk_; }

    // The first place from `from` to `end` where a whole record stands whose sequence is at
    // least `sequence` and whose `durable` lies beyond `durable_beyond`. `sequence` is the
    // one that would stand at `from`, or a higher one.
    Result<std::optional<uint64_t>> find(uint64_t from, uint64_t end, uint64_t sequence,
                                         uint64_t durable_beyond);

  private:
    // Chunks that nobody points into any more, for the next ones: freeing memory of their
    // size makes malloc sort all it has.
    using Spares = std::vector<std::unique_ptr<Bytes>>;

    Result<Found> look_at_chunk(uint64_t end, Record& record);
    Result<bool> load_record(uint64_t end);
    std::string_view loaded(uint64_t end) const;
    Status load(uint64_t size, uint64_t end);
    std::shared_ptr<Bytes> take_chunk(uint64_t size);

    std::shared_ptr<File> file_;
    Salt salt_;
    uint64_t offset_;
    std::shared_ptr<Spares> spares_;
    std::shared_ptr<Bytes> chunk_;
    uint64_t chunk_offset_ = 0;
    uint64_t filled_ = 0;  // bytes of the chunk
};

}  // namespace momento
