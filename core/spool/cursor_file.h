// The file "cursor" of a slot, as its log's writer keeps it (format: cursor.h).
//
// Whoever opens a slot makes a cursor file of his own: what the last owner wrote may stand
// in the page cache only, and whether his last sync failed cannot be known. A file whose
// write or sync failed is never used again; make() then makes another one.
//
// Belongs to the writer's thread.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/file_system.h"
#include "base/result.h"
#include "spool/cursor.h"
#include "spool/steps.h"

namespace momento {

inline constexpr char cursor_file_name[] = "cursor";
bool is_cursor_name(std::string_view file_name);  // also of one that is being made

// The state a slot's cursor file holds; nothing if there is no file. An error if it cannot
// be read or has no whole slot; `foreign` as in decode_cursor.
Result<std::optional<CursorState>> read_cursor(Directory& slot, bool* foreign);

class CursorFile {
  public:
    CursorFile(std::shared_ptr<Directory> directory, StepObserver* observer)
        : directory_(std::move(directory)), observer_(observer) {}

    // False before make(), and after a failed write or sync.
    bool usable() const { return file_ != nullptr; }

    // A new file with this state, durable under its name on success.
    Status make(const CursorState& state);

    // Writes the slot that was not synced last.
    Status write(const CursorState& state);

    // Makes durable what was written.
    Status sync();

    // Records below this sequence are released, whatever happens.
    uint64_t durable_base() const { return durable_base_; }

  private:
    Status make_file(const CursorState& state);

    std::shared_ptr<Directory> directory_;
    StepObserver* observer_;
    std::unique_ptr<File> file_;
    uint64_t synced_slot_ = 0;
    bool unsynced_ = false;
    uint64_t written_base_ = 0;
    uint64_t durable_base_ = 0;
};

}  // namespace momento
