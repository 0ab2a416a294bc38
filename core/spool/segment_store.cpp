#include "spool/segment_store.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "spool/planted.h"

namespace momento {

namespace {

constexpr uint64_t piece_size = 256 * 1024;  // of zeros, between two steps of the writer

bool is_full(const Error& error) {
    return error.code == ENOSPC || error.code == EDQUOT;
}

}  // namespace

SegmentStore::SegmentStore(std::shared_ptr<Directory> directory,
                           std::shared_ptr<const SpoolSettings> settings, Random& random,
                           StepObserver* observer, const RecoveredSlot& slot)
    : directory_(std::move(directory)),
      settings_(std::move(settings)),
      random_(random),
      observer_(observer),
      bytes_(slot.other_bytes),
      aside_bytes_(slot.aside_bytes) {
    for (const RecoveredSegment& segment : slot.segments) {
        bytes_ += segment.size;
        excess_ += excess(segment.size);
    }
    for (const FoundFile& spare : slot.spares) {
        bytes_ += spare.size;
        take_back(spare);
    }
}

bool SegmentStore::is_own(const std::string& name) const {
    if (planted(Bug::shared_segment_reused)) return true;
    Result<uint64_t> links = directory_->links(name);
    return links && *links == 1;
}

// To be used again, unless it is not for us to write to.
void SegmentStore::take_back(const FoundFile& file) {
    if (is_own(file.name)) {
        add_spare(file);
    } else {
        (void)remove(file.name, file.size);
    }
}

void SegmentStore::add_spare(FoundFile spare) {
    auto place = std::find_if(spares_.begin(), spares_.end(),
                              [&](const FoundFile& other) { return other.size < spare.size; });
    spares_.insert(place, std::move(spare));
}

// Within the log's bound, which also covers a cursor that takes another one's place. A segment
// counts as one of the size that they have now: one that is larger than the bound would
// otherwise keep its own last records from being requeued, and so from being released.
bool SegmentStore::fits(uint64_t added) const {
    return bytes_ - excess_ + 2 * cursor_file_size + added <= settings_->size;
}

uint64_t SegmentStore::excess(uint64_t segment_size) const {
    return segment_size - std::min(segment_size, settings_->segment_size);
}

// What the reserve lacks: kept free within the bound, so that it can be made.
uint64_t SegmentStore::reserve_gap() const {
    uint64_t reserve = spares_.empty() ? 0 : spares_.front().size;
    return settings_->segment_size - std::min(reserve, settings_->segment_size);
}

Room SegmentStore::room_taken() const {
    if (fits(reserve_gap())) return Room::bound;
    return fits(0) ? Room::reserve : Room::beyond;
}

bool SegmentStore::reserve_ready() const {
    return reserve_gap() == 0;
}

Error SegmentStore::log_full() const {
    std::string text = "the log has reached its size of " + std::to_string(settings_->size) +
                       " bytes, " + settings_->size_named;
    if (settings_->retain_ms > 0) {
        text += "; for replay zones it keeps what is delivered for " +
                std::to_string(settings_->retain_ms / 1000) + " s";
    }
    return Error{std::move(text), ENOSPC};
}

double SegmentStore::fullness(uint64_t unwritten) const {
    uint64_t empty = unwritten;
    for (const FoundFile& spare : spares_) empty += spare.size;
    const uint64_t cursors = std::min(2 * cursor_file_size, settings_->size);
    const uint64_t segments = (settings_->size - cursors) / settings_->segment_size;
    const uint64_t usable = std::max<uint64_t>(segments, 2) - 1;  // without the reserve
    return static_cast<double>(bytes_ - std::min(empty, bytes_)) /
           static_cast<double>(usable * settings_->segment_size);
}

bool SegmentStore::has_room(uint64_t bytes) const {
    uint64_t size = segment_header_size + bytes;
    uint64_t present = spares_.size() > 1 ? spares_[1].size : 0;
    if (present >= size) return true;
    uint64_t added = present > 0 ? size - present : roomy(size);
    return !disk_full_ && fits(added + reserve_gap());
}

// What a segment that is made for `size` bytes begins with: room for more than them.
uint64_t SegmentStore::roomy(uint64_t size) const {
    return std::max(size, std::min(first_segment_size, settings_->segment_size));
}

Result<SegmentStore::Activated> SegmentStore::activate(SegmentHeader& header, uint64_t bytes,
                                                       Room room) {
    may_turn_up_ = false;
    uint64_t size = segment_header_size + bytes;
    if (size > settings_->segment_size) {
        return Error{"a record of " + std::to_string(bytes) +
                         " bytes is larger than a segment; raise \"segment\" of the spool",
                     EFBIG};
    }
    Room from = Room::bound;
    Result<size_t> index = choose(size, room, &from);
    if (!index) return index.error();
    FoundFile spare = spares_[*index];
    auto file = directory_->open(spare.name, Directory::Mode::write);
    if (!file) return file.error();

    // From here on the file's name decides what it is, and after an error it is not known:
    // it is given up, and so is the header's number.
    spares_.erase(spares_.begin() + static_cast<ptrdiff_t>(*index));
    random_.fill(header.salt.data(), header.salt.size());
    if (Status used = put_to_use(**file, spare.name, header); !used) {
        disk_full_ = is_full(used.error());
        if (!remove(segment_file_name(header.number), spare.size)) {
            (void)remove(spare.name, spare.size);
        }
        return used.error();
    }
    excess_ += excess(spare.size);  // recycle() takes it off
    return Activated{std::move(*file), spare.size, from};
}

Status SegmentStore::put_to_use(File& file, const std::string& spare,
                                const SegmentHeader& header) {
    if (Status written = file.write_at(0, encode_segment_header(header)); !written) {
        return written;
    }
    observe(observer_, steps::segment_header_written);
    if (Status synced = file.sync(); !synced) return synced;
    observe(observer_, steps::segment_header_synced);
    may_turn_up_ = true;
    if (Status named = directory_->rename(spare, segment_file_name(header.number)); !named) {
        return named;
    }
    observe(observer_, steps::segment_renamed);
    if (!planted(Bug::directory_sync_skipped)) {
        if (Status synced = directory_->sync(); !synced) return synced;
    }
    observe(observer_, steps::segment_named);
    return {};
}

// The index of a spare of at least `size` bytes.
Result<size_t> SegmentStore::choose(uint64_t size, Room room, Room* from) {
    Result<size_t> ahead =
        spares_.size() > 1 ? ready(1, size, reserve_gap()) : make(roomy(size), reserve_gap());
    if (ahead || room == Room::bound) return ahead;
    *from = fits(0) ? Room::reserve : Room::beyond;
    if (*from > room) return ahead;
    Result<size_t> reserve = spares_.empty() ? make(size, 0) : ready(0, size, 0);
    if (reserve || room == Room::reserve || !is_full(reserve.error())) return reserve;
    *from = Room::beyond;
    return make_unbounded(roomy(size));
}

// Brings a spare to `size` if it is smaller.
Result<size_t> SegmentStore::ready(size_t index, uint64_t size, uint64_t kept_free) {
    FoundFile& spare = spares_[index];
    if (spare.size >= size) return index;
    uint64_t added = size - spare.size;
    if (!fits(added + kept_free)) {
        return log_full();
    }
    if (Status zeroed = zero(spare.name, Directory::Mode::write, spare.size, size); !zeroed) {
        return zeroed.error();
    }
    spare.size = size;
    bytes_ += added;
    return index;
}

Result<size_t> SegmentStore::make(uint64_t size, uint64_t kept_free) {
    if (!fits(size + kept_free)) {
        return log_full();
    }
    return make_unbounded(size);
}

Result<size_t> SegmentStore::make_unbounded(uint64_t size) {
    FoundFile spare{hex16(random_.number()) + std::string(spare_suffix), size};
    if (Status zeroed = zero(spare.name, Directory::Mode::create, 0, size); !zeroed) {
        (void)directory_->remove(spare.name);
        return zeroed.error();
    }
    bytes_ += size;
    std::string name = spare.name;
    add_spare(std::move(spare));
    auto made = std::find_if(spares_.begin(), spares_.end(),
                             [&](const FoundFile& other) { return other.name == name; });
    return static_cast<size_t>(made - spares_.begin());
}

// All zeros of the slot are written here, and not by whoever appends.
Status SegmentStore::zero(const std::string& name, Directory::Mode mode, uint64_t from,
                          uint64_t to) {
    static const std::array<char, 64 * 1024> zeros{};
    auto write = [&]() -> Status {
        auto file = directory_->open(name, mode);
        if (!file) return file.error();
        while (from < to) {
            std::string_view piece(zeros.data(), std::min<uint64_t>(zeros.size(), to - from));
            if (Status written = (*file)->write_at(from, piece); !written) return written;
            from += piece.size();
        }
        return (*file)->sync();
    };
    Status zeroed = write();
    disk_full_ = !zeroed && is_full(zeroed.error());
    return zeroed;
}

Status SegmentStore::remove_smallest() {
    const FoundFile smallest = spares_.back();
    Status removed = remove(smallest.name, smallest.size);
    if (removed) spares_.pop_back();
    return removed;
}

Result<bool> SegmentStore::prepare(size_t wanted) {
    const uint64_t full = settings_->segment_size;
    const auto end = spares_.begin() + static_cast<ptrdiff_t>(std::min(wanted, spares_.size()));
    auto partial = std::find_if(spares_.begin(), end,
                                [&](const FoundFile& spare) { return spare.size < full; });
    if (partial == end && spares_.size() >= wanted) return false;
    uint64_t size = partial == end ? 0 : partial->size;
    uint64_t piece = std::min(piece_size, full - size);
    if (!fits(piece)) return false;

    if (partial == end) {
        Result<size_t> made = make(piece, 0);
        if (!made) return made.error();
    } else {
        Status zeroed = zero(partial->name, Directory::Mode::write, size, size + piece);
        if (!zeroed) {
            // With room again it can go on where it stopped; what failed otherwise is not
            // tried again.
            if (disk_full_) return zeroed.error();
            FoundFile bad = *partial;
            spares_.erase(partial);
            (void)remove(bad.name, bad.size);
            return zeroed.error();
        }
        partial->size += piece;
        bytes_ += piece;
    }
    observe(observer_, steps::spare_extended);
    return true;
}

Result<bool> SegmentStore::remove_outsized() {
    if (spares_.empty() || spares_.front().size <= settings_->segment_size) return false;
    const FoundFile outsized = spares_.front();
    if (Status removed = remove(outsized.name, outsized.size); !removed) return removed.error();
    spares_.erase(spares_.begin());
    return true;
}

Status SegmentStore::recycle(uint64_t number, uint64_t size, bool keep) {
    std::string name = segment_file_name(number);
    const size_t wanted = fits(0) ? most_spares : 1;
    if (!keep || spares_.size() >= wanted || size > settings_->segment_size || !is_own(name)) {
        Status removed = remove(name, size);
        if (removed) excess_ -= excess(size);
        return removed;
    }
    FoundFile spare{hex16(random_.number()) + std::string(spare_suffix), size};
    if (Status renamed = directory_->rename(name, spare.name); !renamed) return renamed;
    add_spare(std::move(spare));
    disk_full_ = false;
    observe(observer_, steps::segment_recycled);
    return {};
}

Status SegmentStore::remove(const std::string& name, uint64_t size) {
    // A person may have taken it out, to give up what cannot be read.
    Status removed = directory_->remove(name);
    if (!removed && removed.error().code != ENOENT) return removed;
    bytes_ -= std::min(bytes_, size);
    disk_full_ = false;
    observe(observer_, steps::segment_removed);
    return {};
}

std::vector<std::string> SegmentStore::set_aside(const std::vector<BadFile>& damaged) {
    std::vector<std::string> done;
    for (const BadFile& bad : damaged) {
        const FoundFile& file = bad.file;
        std::string& line = done.emplace_back('"' + file.name + "\" is damaged: " + bad.what);
        if (aside_bytes_ >= most_kept_aside) {
            bytes_ += file.size;
            take_back(file);
            line += "; it is not kept, because so much is kept in this slot already";
            continue;
        }
        const std::string name = damaged_file_name(segment_number(file.name).value_or(0), 0);
        aside_bytes_ += file.size;
        Status renamed = directory_->rename(file.name, name);
        line += renamed ? "; what is left of it is kept in \"" + name + '"'
                        : "; it cannot be kept aside: " + renamed.error().text;
    }
    return done;
}

}  // namespace momento
