#include "spool/cursor_file.h"

#include <cerrno>
#include <utility>

namespace momento {

namespace {

constexpr char fresh_name[] = "cursor.new";

}  // namespace

bool is_cursor_name(std::string_view file_name) {
    return file_name == cursor_file_name || file_name == fresh_name;
}

Result<std::optional<CursorState>> read_cursor(Directory& slot, bool* foreign) {
    *foreign = false;
    auto file = slot.open(cursor_file_name, Directory::Mode::read);
    if (!file) {
        if (file.error().code == ENOENT) return std::optional<CursorState>();
        return file.error();
    }
    std::string bytes(cursor_file_size, '\0');
    Result<size_t> size = (*file)->read_at(0, bytes.data(), bytes.size());
    if (!size) return size.error();
    bytes.resize(*size);
    Result<CursorState> state = decode_cursor(bytes, foreign);
    if (!state) return state.error();
    return std::optional<CursorState>(*state);
}

Status CursorFile::make(const CursorState& state) {
    file_.reset();
    Status made = make_file(state);
    if (!made) file_.reset();
    return made;
}

Status CursorFile::make_file(const CursorState& state) {
    Status removed = directory_->remove(fresh_name);
    if (!removed && removed.error().code != ENOENT) return removed;
    auto file = directory_->open(fresh_name, Directory::Mode::create);
    if (!file) return file.error();
    file_ = std::move(*file);

    std::string bytes = encode_cursor(state);
    bytes.resize(cursor_file_size);
    if (Status written = file_->write_at(0, bytes); !written) return written;
    observe(observer_, steps::fresh_cursor_written);
    if (Status synced = file_->sync(); !synced) return synced;
    if (Status renamed = directory_->rename(fresh_name, cursor_file_name); !renamed) {
        return renamed;
    }
    observe(observer_, steps::fresh_cursor_renamed);
    if (Status synced = directory_->sync(); !synced) return synced;
    durable_base_ = state.base_sequence;
    observe(observer_, steps::fresh_cursor_named);
    synced_slot_ = 0;
    unsynced_ = false;
    return {};
}

Status CursorFile::write(const CursorState& state) {
    uint64_t slot = 1 - synced_slot_;
    Status written = file_->write_at(slot * cursor_slot_size, encode_cursor(state));
    if (!written) {
        file_.reset();
        return written;
    }
    unsynced_ = true;
    written_base_ = state.base_sequence;
    observe(observer_, steps::cursor_written);
    return {};
}

Status CursorFile::sync() {
    // Without a write the slots must not change roles: the newest state would be next.
    if (!unsynced_) return {};
    Status synced = file_->sync();
    if (!synced) {
        file_.reset();
        return synced;
    }
    unsynced_ = false;
    durable_base_ = written_base_;
    synced_slot_ = 1 - synced_slot_;
    observe(observer_, steps::cursor_synced);
    return {};
}

}  // namespace momento
