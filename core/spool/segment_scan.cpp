#include "spool/segment_scan.h"

#include <algorithm>
#include <utility>

namespace momento {
namespace {

// A record in memory keeps its chunk, so chunks are small.
constexpr uint64_t chunk_size = 64 * 1024;
constexpr size_t most_spares = 4;
constexpr uint64_t search_size = 1024 * 1024;

}  // namespace

SegmentScan::SegmentScan(std::shared_ptr<File> file, const Salt& salt, uint64_t offset)
    : file_(std::move(file)),
      salt_(salt),
      offset_(offset),
      spares_(std::make_shared<Spares>()) {
    spares_->reserve(most_spares);
}

std::shared_ptr<Bytes> SegmentScan::take_chunk(uint64_t size) {
    if (size > chunk_size) return std::make_shared<Bytes>(size);
    auto chunk =
        spares_->empty() ? std::make_unique<Bytes>(chunk_size) : std::move(spares_->back());
    if (!spares_->empty()) spares_->pop_back();
    return {chunk.release(), [spares = spares_](Bytes* used) {
                std::unique_ptr<Bytes> spare(used);
                if (spares->size() < most_spares) spares->push_back(std::move(spare));
            }};
}

// What of the chunk lies between offset_ and `end`.
std::string_view SegmentScan::loaded(uint64_t end) const {
    if (!chunk_ || offset_ < chunk_offset_) return {};
    uint64_t skip = offset_ - chunk_offset_;
    if (skip >= filled_) return {};
    return chunk_->view().substr(skip, std::min(end - offset_, filled_ - skip));
}

// Makes that much at offset_ loaded, and what else there is up to `end` and has room.
Status SegmentScan::load(uint64_t size, uint64_t end) {
    bool goes_on = chunk_ && offset_ >= chunk_offset_ && offset_ <= chunk_offset_ + filled_ &&
                   offset_ + size <= chunk_offset_ + chunk_->size();
    if (!goes_on) {
        chunk_ = take_chunk(size);
        chunk_offset_ = offset_;
        filled_ = 0;
    }
    uint64_t from = chunk_offset_ + filled_;
    uint64_t room = std::min(chunk_->size() - filled_, end - from);
    Result<size_t> read = file_->read_at(from, chunk_->data() + filled_, room);
    if (!read) return read.error();
    filled_ += *read;
    return {};
}

Result<SegmentScan::Found> SegmentScan::look(uint64_t end, Record& record) {
    if (offset_ >= end) return Found::end;
    Result<Found> found = look_at_chunk(end, record);
    // A log that somebody writes to may have a record there the next time.
    if (found && *found == Found::bad) chunk_.reset();
    return found;
}

Result<SegmentScan::Found> SegmentScan::look_at_chunk(uint64_t end, Record& record) {
    Decoded decoded = decode_record(loaded(end), salt_);
    bool is_there = decoded.record || loaded(end).size() >= record_header_size;
    if (!is_there || decoded.error == DecodeError::truncated) {
        Result<bool> whole = load_record(end);
        if (!whole) return whole.error();
        if (!*whole) return Found::bad;
        decoded = decode_record(loaded(end), salt_);
    }
    if (!decoded.record) return Found::bad;
    record = *decoded.record;
    return Found::record;
}

// Loads the record at offset_, as its outline has it; false if there is no such record.
Result<bool> SegmentScan::load_record(uint64_t end) {
    uint64_t left = end - offset_;
    if (left < record_header_size) return false;
    if (loaded(end).size() < record_header_size) {
        if (Status read = load(record_header_size, end); !read) return read.error();
    }
    std::optional<RecordOutline> outline = outline_record(loaded(end));
    if (!outline || outline->size > left) return false;
    if (loaded(end).size() < outline->size) {
        if (Status read = load(outline->size, end); !read) return read.error();
    }
    return true;
}

Result<std::optional<uint64_t>> SegmentScan::find(uint64_t from, uint64_t end,
                                                  uint64_t sequence, uint64_t durable_beyond) {
    std::string piece;
    std::string whole;
    for (uint64_t at = from; at < end && end - at >= record_header_size;) {
        piece.resize(std::min(end - at, search_size));
        Result<size_t> read = file_->read_at(at, piece.data(), piece.size());
        if (!read) return read.error();
        piece.resize(*read);
        std::string_view view = piece;
        for (size_t hit = view.find(record_magic); hit != view.npos;
             hit = view.find(record_magic, hit + 1)) {
            // Bytes of older records and of bodies are full of magic: the outline tells
            // most of them without a look at the CRC.
            std::optional<RecordOutline> outline = outline_record(view.substr(hit));
            uint64_t place = at + hit;
            if (!outline || outline->size > end - place || outline->durable > place ||
                outline->durable <= durable_beyond || outline->sequence < sequence ||
                outline->sequence - sequence > (place - from) / record_header_size) {
                continue;
            }
            whole.resize(outline->size);
            Result<size_t> got = file_->read_at(place, whole.data(), whole.size());
            if (!got) return got.error();
            if (*got == whole.size() && decode_record(whole, salt_).record) {
                return std::optional<uint64_t>(place);
            }
        }
        if (piece.size() < record_header_size) break;
        // A header that the piece cuts in two is seen whole in the next one.
        at += piece.size() - (record_header_size - 1);
    }
    return std::optional<uint64_t>();
}

}  // namespace momento
