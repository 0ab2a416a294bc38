// The disk, as the processes of a world meet it.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "spool/segment_scan.h"
#include "spool/steps.h"
#include "world.h"

namespace momento::sim {
namespace {

bool ends_with(const std::string& text, std::string_view end) {
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool is_cursor(const std::string& path) {
    return ends_with(path, "/cursor") || ends_with(path, "/cursor.new");
}

bool is_segment(const std::string& path) {
    return ends_with(path, ".segment") || ends_with(path, ".spare");
}

Mishap mishap_of(Operation operation, int error, double done) {
    const bool full = error == ENOSPC;
    switch (operation) {
        case Operation::open:
        case Operation::open_directory:
            return Mishap::open_error;
        case Operation::create:
            return full ? Mishap::create_no_space : Mishap::create_error;
        case Operation::read:
            return Mishap::read_error;
        case Operation::write:
            if (done > 0) return Mishap::short_write;
            return full ? Mishap::write_no_space : Mishap::write_error;
        case Operation::sync:
            return Mishap::sync_error;
        case Operation::list:
            return Mishap::list_error;
        case Operation::rename:
            return Mishap::rename_error;
        case Operation::link:
            return Mishap::link_error;
        case Operation::remove:
            return Mishap::remove_error;
        case Operation::sync_directory:
            return Mishap::directory_sync_error;
        case Operation::lock:
            return Mishap::lock_error;
        case Operation::count:
            break;
    }
    return Mishap::count;
}

}  // namespace

void World::plan_disk() {
    for (int64_t us : plan_.full_from_us) {
        stage.at(us, [this] {
            stage.tell("the disk is full");
            stage.hit(Mishap::disk_full);
            disk_.capacity = disk_.used() + stage.chance.below(2 * plan_.segment_size);
        });
        stage.at(us + stage.chance.between(second / 2, 5 * second), [this] {
            stage.tell("the disk has room again");
            disk_.capacity = UINT64_MAX;
        });
    }
    for (const UnreadablePlan& file : plan_.unreadable) {
        stage.at(file.from_us, [this, &file] { make_unreadable(file); });
    }
    for (int64_t us : plan_.stalls_us) {
        stage.at(us, [this] { stall_us_ = stage.chance.between(second / 5, 6 * second); });
    }
}

bool World::is_process(const SimFiles& files) const {
    return &files != inspector_.get();
}

Fault World::before(const Call& call) {
    if (!is_process(call.process)) return {};
    if (stage.telling()) last_path_ = call.path;
    if (desk_ != nullptr && call.path.find("/.dead/") != std::string::npos) {
        desk_->is_letters = true;
    }
    const bool syncs =
        call.operation == Operation::sync || call.operation == Operation::sync_directory;
    stage.clock.advance(syncs ? stage.chance.between(50, 400) : stage.chance.between(2, 30));

    if (armed_ && armed_->operation == call.operation && !armed_->after &&
        --armed_->countdown <= 0) {
        ++stage.coverage.crashed_before[static_cast<size_t>(call.operation)];
        strike(&call.process);
    }
    if (stall_us_ > 0 && depth_ == 0 && (syncs || call.operation == Operation::write)) {
        stage.hit(Mishap::disk_stall);
        stage.tell("the disk stalls");
        play_others(stage.now() + std::exchange(stall_us_, 0));
    } else if (depth_ < most_depth && stage.chance.one_in(40)) {
        ++depth_;
        step();
        --depth_;
    }
    if (!call.process.alive()) throw Killed();
    end_thread_if_cursed(call);
    return draw_fault(call);
}

void World::after(const Call& call) {
    if (!is_process(call.process)) return;
    if (armed_ && armed_->operation == call.operation && armed_->after &&
        --armed_->countdown <= 0) {
        ++stage.coverage.crashed_after[static_cast<size_t>(call.operation)];
        strike(&call.process);
    }
    if (!call.process.alive()) throw Killed();
}

void World::failed(const Call& call, int error) {
    if (!is_process(call.process) || (error != EIO && error != ENOSPC)) return;
    // Who appends to a segment has opened it when it was a spare.
    if (call.operation == Operation::sync && ends_with(call.path, ".segment")) {
        doubt_tail(call.path);
    }
    if (&call.process == operator_ && is_cursor(call.path)) operator_notes_ = false;
    if (desk_ == nullptr) return;
    if (is_cursor(call.path) || call.operation == Operation::sync_directory) {
        desk_->cursor_failed();
        shared_->cursor_torn = true;
    }
    if (is_segment(call.path)) desk_->records_failed();
    if (desk_->is_letters) ++letter_faults_;
}

Fault World::draw_fault(const Call& call) {
    Fault fault;
    if (poison_next_ && call.operation == Operation::sync &&
        last_step_ == steps::records_written) {
        poison_next_ = false;
        fault.error = EIO;
    }
    for (const DiskTrouble& trouble : plan_.troubles) {
        if (fault.error != 0 || peace_) break;
        if (stage.now() < trouble.from_us || stage.now() >= trouble.to_us) continue;
        const auto& operations = trouble.operations;
        if (std::find(operations.begin(), operations.end(), call.operation) ==
            operations.end()) {
            continue;
        }
        if (stage.chance.coin(trouble.probability)) fault.error = trouble.error;
    }
    if (fault.error == 0 && is_unreadable(call)) {
        fault.error = call.operation == Operation::read ? EIO : EACCES;
        return fault;
    }
    if (fault.error == 0) return fault;
    if (call.operation == Operation::write && stage.chance.one_in(2)) {
        fault.done = stage.chance.unit();
    }
    stage.hit(mishap_of(call.operation, fault.error, fault.done));
    if (stage.telling()) {
        stage.tell(call.process.process() + ": " + name(call.operation) + " \"" + call.path +
                   "\": " + std::strerror(fault.error));
    }
    return fault;
}

// Any file of a destination's slot, for some time: pages of it, or the whole.
void World::make_unreadable(const UnreadablePlan& plan) {
    constexpr uint64_t page = 4096;
    const std::string& destination = stage.chance.pick(settings_->destinations).name;
    std::vector<std::string> paths;
    for (const SlotPlace& place : slots_of(destination)) {
        auto names = place.directory->list();
        std::sort(names->begin(), names->end());
        for (const std::string& name : *names) {
            std::string path =
                std::string(spool_path) + '/' + destination + '/' + place.slot + '/' + name;
            if (is_segment(path) || is_cursor(path)) paths.push_back(std::move(path));
        }
    }
    if (paths.empty()) return;
    Unreadable file;
    file.path = stage.chance.pick(paths);
    file.number = disk_.number(file.path);
    file.to_us = plan.to_us;
    file.opens = plan.opens;
    file.from = page * stage.chance.below(plan_.segment_size / page);
    file.to = file.from + page * (1 + stage.chance.below(3));
    stage.tell("\"" + file.path + "\" cannot be " +
               (file.opens ? "read from " + std::to_string(file.from) + " on" : "opened"));
    unreadable_.push_back(std::move(file));
}

bool World::is_unreadable(const Call& call) {
    for (const Unreadable& file : unreadable_) {
        if (peace_ || stage.now() >= file.to_us) continue;
        // By whatever name.
        if (file.path != call.path && file.number != disk_.number(call.path)) continue;
        const bool opens = call.operation == Operation::open && !file.opens;
        const bool reads = call.operation == Operation::read && file.opens &&
                           call.offset < file.to && call.offset + call.size > file.from;
        if (!opens && !reads) continue;
        stage.hit(opens ? Mishap::unreadable_file : Mishap::unreadable_range);
        return true;
    }
    return false;
}

// One that is not the newest, in a slot that has several: its records are lost, and no others.
void World::spoil_segment() {
    constexpr size_t least_segments = 3;
    for (const DestinationSettings& destination : settings_->destinations) {
        for (const SlotPlace& place : slots_of(destination.name)) {
            std::vector<std::string> segments = *place.directory->list();
            segments.erase(
                std::remove_if(segments.begin(), segments.end(),
                               [](const auto& name) { return !segment_number(name); }),
                segments.end());
            if (segments.size() < least_segments) continue;
            std::sort(segments.begin(), segments.end());
            segments.pop_back();
            const std::string& name = stage.chance.pick(segments);
            const std::string path = std::string(spool_path) + '/' + destination.name + '/' +
                                     place.slot + '/' + name;
            spoilt_ = true;
            doubt_records(*place.directory, name);
            if (stage.chance.one_in(2)) {
                stage.tell("\"" + path + "\" is gone");
                stage.hit(Mishap::missing_segment);
                disk_.erase(path);
            } else {
                stage.tell("\"" + path + "\" is blank");
                stage.hit(Mishap::blank_segment);
                disk_.spoil(path, std::string(plan_.segment_size * stage.chance.below(2), 0));
            }
            return;
        }
    }
}

void World::doubt_records(Directory& slot, const std::string& segment) {
    std::shared_ptr<File> file = std::move(*slot.open(segment, Directory::Mode::read));
    std::string header(segment_header_size, '\0');
    (void)file->read_at(0, header.data(), header.size());
    const uint64_t size = *file->size();
    const SegmentHeader decoded = decode_segment_header(header).header;
    SegmentScan scan(file, decoded.salt, segment_header_size);
    uint64_t next = decoded.first_sequence;
    for (;;) {
        Record record;
        auto found = scan.look(size, record);
        if (*found == SegmentScan::Found::end) return;
        if (*found == SegmentScan::Found::bad) {
            // What a failed sync has left in the middle, say.
            auto whole = scan.find(scan.offset(), size, next, 0);
            if (!*whole) return;
            scan.move_to(**whole);
            continue;
        }
        if (SimEvent* event = ledger_.find(record.body, "the log")) event->may_be_lost = true;
        redriven_spoilt_ += record.origin == Origin::redrive ? 1 : 0;
        next = record.sequence + 1;
        scan.move_to(scan.offset() + record.encoded_size());
    }
}

void World::observe(const SimFiles& files, const char* step) {
    if (desk_ != nullptr) desk_->at(step);
    if (desk_ != nullptr && desk_->parts() && step == steps::finished) expect_copies();
    last_step_ = step;
    if (stage.telling() && std::strcmp(step, steps::cursor_written) != 0) {
        stage.tell(files.process() + ": " + step + ", " + last_path_);
    }
    if (armed_ && armed_->step != SIZE_MAX &&
        std::strcmp(crash_steps()[armed_->step], step) == 0 && --armed_->countdown <= 0) {
        auto& counts = armed_->power ? stage.coverage.power_lost_at : stage.coverage.killed_at;
        ++counts[armed_->step];
        strike(&files);
    }
    if (!files.alive()) throw Killed();
}

void World::heard(Severity severity, const std::string& line) {
    stage.tell(line);
    if (line.find("the log has reached its size") != std::string::npos) log_was_full_ = true;
    if (severity == Severity::alert) alerts_.push_back(line);
}

}  // namespace momento::sim
