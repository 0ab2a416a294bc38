// Marks: what a person decided about records of a log that a process may own right now.
//
// Dead letters are redriven and removed while their slot is locked by a worker, so
// momentoctl cannot release them in the slot's cursor. It appends marks beside the log
// instead, in the slot's file "marks", which nobody else writes; its own lock is the file
// "marks.lock". The slot's writer releases what is marked when it comes by, and every
// reader of letters skips it. A mark is only made when what it says is durable: a redriven
// letter's event stands in its new log, synced. A crash before the mark redrives the letter
// twice; none is lost.
//
// The file is append-only. All integers are little-endian.
//
//   header, 64 bytes                              mark, 32 bytes each, from byte 64 on
//   offset size                                   offset size
//        0    8  magic "MMARKS01"                      0    8  sequence of the record
//        8    2  format version, 1                     8    8  time, ms since the epoch
//       10    2  byte order mark, 0x0102              16    1  kind: 1 redriven, 2 removed
//       12   48  reserved, zero                       17   11  reserved, zero
//       60    4  CRC32C of bytes 0 to 60              28    4  CRC32C of bytes 0 to 28
//
// A mark that is not whole (a crash while it was written) counts as not made.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace momento {

enum class MarkKind : uint8_t { redriven = 1, removed = 2 };

struct Mark {
    uint64_t sequence = 0;
    int64_t made_ms = 0;
    MarkKind kind = MarkKind::redriven;
};

// The whole marks of a slot from the `first`-th on, in the order in which they were made;
// `first` moves behind them. No file: no marks. A format that is not known is an error.
Result<std::vector<Mark>> read_marks(Directory& slot, uint64_t* first);

// Makes marks. Holds the marks' lock as long as it lives; makes the file with the first one.
class MarkWriter {
  public:
    // Null: another momentoctl holds the lock.
    static Result<std::unique_ptr<MarkWriter>> open(std::shared_ptr<Directory> slot);

    // Durable on return. After an error some may have been made, and this one is done for.
    Status append(const std::vector<Mark>& marks);

  private:
    MarkWriter(std::shared_ptr<Directory> slot, std::unique_ptr<FileLock> lock);
    Status open_file();

    std::shared_ptr<Directory> slot_;
    std::unique_ptr<FileLock> lock_;
    std::unique_ptr<File> file_;  // null before the first mark
    uint64_t end_ = 0;
};

}  // namespace momento
