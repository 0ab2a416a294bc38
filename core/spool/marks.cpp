#include "spool/marks.h"

#include <cerrno>
#include <cstring>
#include <string>

#include "spool/little_endian.h"
#include "spool/record.h"
#include "spool/segment.h"

namespace momento {

namespace {

constexpr char file_name[] = "marks";
constexpr char lock_name[] = "marks.lock";
constexpr char marks_magic[] = "MMARKS01";
constexpr size_t magic_size = 8;
constexpr uint16_t byte_order_mark = 0x0102;
constexpr size_t header_size = 64;
constexpr size_t mark_size = 32;

void seal(std::string& bytes) {
    size_t checked = bytes.size() - 4;
    store_le(&bytes[checked], crc32c(0, bytes.data(), checked));
}

bool is_sealed(std::string_view bytes) {
    size_t checked = bytes.size() - 4;
    return load_le<uint32_t>(&bytes[checked]) == crc32c(0, bytes.data(), checked);
}

std::string encode_header() {
    std::string bytes(header_size, '\0');
    memcpy(bytes.data(), marks_magic, magic_size);
    store_le(&bytes[8], spool_format_version);
    store_le(&bytes[10], byte_order_mark);
    seal(bytes);
    return bytes;
}

std::string encode(const Mark& mark) {
    std::string bytes(mark_size, '\0');
    store_le(&bytes[0], mark.sequence);
    store_le(&bytes[8], mark.made_ms);
    bytes[16] = static_cast<char>(mark.kind);
    seal(bytes);
    return bytes;
}

// False if this is no whole mark.
bool decode(std::string_view bytes, Mark* mark) {
    if (!is_sealed(bytes)) return false;
    mark->sequence = load_le<uint64_t>(&bytes[0]);
    mark->made_ms = load_le<int64_t>(&bytes[8]);
    mark->kind = static_cast<MarkKind>(bytes[16]);
    return mark->sequence != 0 &&
           (mark->kind == MarkKind::redriven || mark->kind == MarkKind::removed);
}

enum class State { unwritten, valid, foreign };

Result<State> read_header(File& file) {
    std::string bytes(header_size, '\0');
    Result<size_t> size = file.read_at(0, bytes.data(), bytes.size());
    if (!size) return size.error();
    if (*size == header_size && bytes == encode_header()) return State::valid;

    // A crash may have left any part of a first header; then no mark was ever made.
    bool is_ours = bytes.compare(0, magic_size, marks_magic) == 0 && is_sealed(bytes);
    return *size == header_size && is_ours ? State::foreign : State::unwritten;
}

Error foreign_marks() {
    return Error{
        "\"marks\" has a format that this version does not know, use the momentoctl "
        "of the version that wrote it"};
}

}  // namespace

Result<std::vector<Mark>> read_marks(Directory& slot, uint64_t* first) {
    auto file = slot.open(file_name, Directory::Mode::read);
    if (!file) {
        if (file.error().code == ENOENT) return std::vector<Mark>();
        return file.error();
    }
    Result<State> state = read_header(**file);
    if (!state) return state.error();
    if (*state == State::foreign) return foreign_marks();
    Result<uint64_t> size = (*file)->size();
    if (!size) return size.error();

    std::vector<Mark> marks;
    uint64_t count = *size > header_size ? (*size - header_size) / mark_size : 0;
    if (*state == State::unwritten || count <= *first) return marks;
    std::string bytes((count - *first) * mark_size, '\0');
    Result<size_t> read =
        (*file)->read_at(header_size + *first * mark_size, bytes.data(), bytes.size());
    if (!read) return read.error();

    // What is not whole at the end may still be being written: look again next time.
    const uint64_t start = *first;
    for (uint64_t i = 0; (i + 1) * mark_size <= *read; i++) {
        Mark mark;
        if (!decode(std::string_view(bytes).substr(i * mark_size, mark_size), &mark)) continue;
        marks.push_back(mark);
        *first = start + i + 1;
    }
    return marks;
}

MarkWriter::MarkWriter(std::shared_ptr<Directory> slot, std::unique_ptr<FileLock> lock)
    : slot_(std::move(slot)), lock_(std::move(lock)) {}

Result<std::unique_ptr<MarkWriter>> MarkWriter::open(std::shared_ptr<Directory> slot) {
    auto lock = slot->try_lock(lock_name);
    if (!lock) return lock.error();
    if (!*lock) return std::unique_ptr<MarkWriter>();
    return std::unique_ptr<MarkWriter>(new MarkWriter(std::move(slot), std::move(*lock)));
}

Status MarkWriter::open_file() {
    auto file = slot_->open(file_name, Directory::Mode::write);
    if (!file && file.error().code == ENOENT) {
        file = slot_->open(file_name, Directory::Mode::create);
    }
    if (!file) return file.error();

    Result<State> state = read_header(**file);
    if (!state) return state.error();
    if (*state == State::foreign) return foreign_marks();
    if (*state == State::unwritten) {
        if (Status status = (*file)->write_at(0, encode_header()); !status) return status;
        if (Status status = (*file)->sync(); !status) return status;
    }
    // Also if the file was there: whoever made it may have died before this.
    if (Status status = slot_->sync(); !status) return status;

    Result<uint64_t> size = (*file)->size();
    if (!size) return size.error();
    file_ = std::move(*file);
    // A mark that was cut short is overwritten.
    uint64_t whole = *size > header_size ? (*size - header_size) / mark_size : 0;
    end_ = header_size + whole * mark_size;
    return {};
}

Status MarkWriter::append(const std::vector<Mark>& marks) {
    if (!file_) {
        if (Status status = open_file(); !status) return status;
    }
    std::string bytes;
    for (const Mark& mark : marks) bytes += encode(mark);
    if (Status status = file_->write_at(end_, bytes); !status) return status;
    end_ += bytes.size();
    return file_->sync();
}

}  // namespace momento
