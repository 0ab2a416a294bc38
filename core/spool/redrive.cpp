#include "spool/redrive.h"

#include <optional>
#include <utility>
#include <vector>

#include "spool/marks.h"
#include "spool/planted.h"
#include "spool/slots.h"

namespace momento {

namespace {

// What is appended and marked together: it bounds the duplicates of a crash, and memory.
constexpr size_t batch_records = 256;
constexpr size_t batch_bytes = 4u << 20;

// A letter's event starts afresh: its attempts and the 24 hours count from now.
RecordBuffer redriven_event(const Record& letter) {
    Record event = letter;
    event.kind = RecordKind::event;
    event.origin = Origin::redrive;
    event.attempts = 0;
    event.first_attempt_ms = 0;
    event.last_attempt_ms = 0;
    event.held_ms = 0;
    event.destination = {};
    event.reason_code = {};
    event.reason_message = {};
    return RecordBuffer::from(event);
}

Result<std::unique_ptr<MarkWriter>> open_marks(const SlotPlace& letters) {
    auto marks = MarkWriter::open(letters.directory);
    if (marks && !*marks) {
        return Error{"the dead letters in slot \"" + letters.slot +
                     "\" are being redriven or removed by another momentoctl, wait for it"};
    }
    return marks;
}

// The marks of one slot, together with the events whose appending they record.
class SlotRedrive {
  public:
    SlotRedrive(const RedriveSettings& settings, Tails& tails, MarkWriter& marks,
                const SpoolTools& tools, RedriveReport* report)
        : settings_(settings), tails_(tails), marks_(marks), tools_(tools), report_(report) {}

    void add(const std::string& destination, const Record& letter) {
        if (!status_) return;
        Batch& batch = batches_[destination];
        batch.events.push_back(redriven_event(letter));
        batch.marks.push_back({letter.sequence, tools_.clock->wall_ms(), MarkKind::redriven});
        batch.bytes += batch.events.back().size();
        if (batch.events.size() >= batch_records || batch.bytes >= batch_bytes) {
            status_ = flush(destination, std::exchange(batch, {}));
        }
    }

    Status finish() {
        for (auto& [destination, batch] : batches_) {
            if (!status_) break;
            status_ = flush(destination, std::move(batch));
        }
        return status_;
    }

  private:
    struct Batch {
        std::vector<RecordBuffer> events;
        std::vector<Mark> marks;
        size_t bytes = 0;
    };

    Status flush(const std::string& destination, Batch batch) {
        if (batch.events.empty()) return {};
        if (planted(Bug::redrive_marked_before_durable)) {
            if (Status status = marks_.append(batch.marks); !status) return status;
            observe(tools_.observer, steps::redriven_marked);
        }
        Status status = tails_.append(destination, std::move(batch.events));
        if (!status) return status;
        observe(tools_.observer, steps::redriven_appended);
        if (status = marks_.append(batch.marks); !status) return status;
        observe(tools_.observer, steps::redriven_marked);
        report_->redriven[destination] += batch.marks.size();
        if (settings_.on_redriven) settings_.on_redriven();
        return {};
    }

    const RedriveSettings& settings_;
    Tails& tails_;
    MarkWriter& marks_;
    const SpoolTools& tools_;
    RedriveReport* report_;
    std::map<std::string, Batch> batches_;
    Status status_;
};

}  // namespace

int64_t letter_time_ms(const Record& letter) {
    return letter.last_attempt_ms != 0 ? letter.last_attempt_ms : letter.accepted_ms;
}

bool is_match(const std::string& slot, const Record& letter, const LetterFilter& filter,
              int64_t now_ms) {
    if (filter.ids && filter.ids->count({slot, letter.sequence}) == 0) return false;
    if (!filter.reason.empty() && letter.reason_code != filter.reason) return false;
    return filter.older_than_ms < 0 || now_ms - letter_time_ms(letter) > filter.older_than_ms;
}

Status redrive_letters(const SlotPlace& letters, const RedriveSettings& settings, Tails& tails,
                       const SpoolTools& tools, RedriveReport* report) {
    std::unique_ptr<MarkWriter> marks;
    std::optional<SlotRedrive> redrive;
    if (!settings.dry_run) {
        auto opened = open_marks(letters);
        if (!opened) return opened.error();
        marks = std::move(*opened);
        redrive.emplace(settings, tails, *marks, tools, report);
    }

    auto spool = tools.files->open_directory(tails.spool(), false);
    if (!spool) return spool.error();
    std::map<std::string, bool> known;  // destinations that letters name
    auto is_known = [&](const std::string& name) {
        auto [entry, is_new] = known.emplace(name, false);
        if (is_new && is_destination_name(name)) {
            entry->second = static_cast<bool>((*spool)->open_directory(name, false));
        }
        return entry->second;
    };

    // A mark on one that is taken back would be taken for one on the next of that sequence.
    const Result<uint64_t> certain = certain_until(letters);
    if (!certain) return certain.error();

    const int64_t now_ms = tools.clock->wall_ms();
    auto slot = read_slot(letters, [&](const Record& letter, Position) {
        if (!is_match(letters.slot, letter, settings.filter, now_ms)) return;
        if (letter.sequence >= *certain) {
            report->in_doubt++;
            return;
        }
        std::string destination(settings.to.empty() ? letter.destination : settings.to);
        if (letter.cache.empty() || letter.topic.empty()) {
            report->without_event++;
        } else if (settings.to.empty() && !is_known(destination)) {
            report->without_destination[destination]++;
        } else if (redrive) {
            redrive->add(destination, letter);
        } else {
            report->redriven[destination]++;
        }
    });
    // What was read and appended is marked even if reading ended early.
    Status finished = redrive ? redrive->finish() : Status();
    if (!slot) return slot.error();
    return finished;
}

Result<uint64_t> remove_letters(const SlotPlace& letters, const LetterFilter& filter,
                                const SpoolTools& tools) {
    auto marks = open_marks(letters);
    if (!marks) return marks.error();

    const Result<uint64_t> certain = certain_until(letters);
    if (!certain) return certain.error();

    const int64_t now_ms = tools.clock->wall_ms();
    std::vector<Mark> removed;
    auto slot = read_slot(letters, [&](const Record& letter, Position) {
        if (!is_match(letters.slot, letter, filter, now_ms)) return;
        if (letter.sequence >= *certain) return;
        removed.push_back({letter.sequence, now_ms, MarkKind::removed});
    });
    if (!slot) return slot.error();
    if (removed.empty()) return uint64_t{0};
    if (Status status = (*marks)->append(removed); !status) return status.error();
    return removed.size();
}

}  // namespace momento
