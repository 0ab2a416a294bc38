#include "spool/rereader.h"

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "spool/segment_scan.h"

namespace momento {
namespace {

Error absent(uint64_t sequence) {
    return {"record " + std::to_string(sequence) + " does not stand where it was read", EIO};
}

}  // namespace

Result<ReadRecord> Rereader::read(uint64_t sequence, const Position& end, size_t size) {
    std::vector<Extent> extents = log_->extents_from(end.segment, 1);
    const bool is_there = !extents.empty() && extents.front().segment == end.segment &&
                          end.offset >= size && end.offset <= extents.front().end;
    // What was taken back after a failed sync (sync=os) stands in a later segment.
    if (!is_there) return search(sequence);
    return look(extents.front(), sequence, end.offset - size, size);
}

Result<std::unique_ptr<File>> Rereader::open(uint64_t segment) const {
    return log_->directory()->open(segment_file_name(segment), Directory::Mode::read);
}

Result<ReadRecord> Rereader::look(const Extent& extent, uint64_t sequence, uint64_t offset,
                                  size_t size) {
    auto file = open(extent.segment);
    if (!file) return file.error();
    auto bytes = std::make_shared<Bytes>(size);
    Result<size_t> got = (*file)->read_at(offset, bytes->data(), size);
    if (!got) return got.error();
    Decoded decoded = decode_record(bytes->view().substr(0, *got), extent.salt);
    if (!decoded.record || decoded.record->sequence != sequence) return absent(sequence);
    return ReadRecord{*decoded.record, {extent.segment, offset + size}, size, std::move(bytes)};
}

Result<ReadRecord> Rereader::search(uint64_t sequence) {
    std::vector<Extent> extents = log_->extents_from(0);
    while (!extents.empty() && extents.back().first_sequence > sequence) extents.pop_back();
    if (extents.empty()) return absent(sequence);
    const Extent& extent = extents.back();
    auto file = open(extent.segment);
    if (!file) return file.error();
    SegmentScan scan(std::move(*file), extent.salt, segment_header_size);
    auto found = scan.find(segment_header_size, extent.end, sequence, 0);
    if (!found) return found.error();
    if (!*found) return absent(sequence);
    scan.move_to(**found);
    Record record;
    auto looked = scan.look(extent.end, record);
    if (!looked) return looked.error();
    if (*looked != SegmentScan::Found::record) return absent(sequence);
    return look(extent, sequence, **found, record.encoded_size());
}

}  // namespace momento
