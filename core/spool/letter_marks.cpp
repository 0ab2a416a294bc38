#include "spool/letter_marks.h"

#include <algorithm>
#include <utility>

#include "spool/marks.h"

namespace momento {

LetterMarks::LetterMarks(std::shared_ptr<Directory> slot, Logger& logger)
    : slot_(std::move(slot)), logger_(logger) {}

// A mark may be on a letter that a power loss took back. The next letter would be taken for
// the marked one.
bool LetterMarks::skip_marked(RecoveredSlot& found) {
    uint64_t first = 0;
    auto marks = read_marks(*slot_, &first);
    if (!marks) {
        logger_.write(Severity::alert, marks.error().text);
        return marks.error().code == 0;  // of a format that is not known
    }
    for (const Mark& mark : *marks) {
        if (mark.sequence < found.next_sequence) continue;
        found.next_sequence = mark.sequence + 1;
        found.tail_lost = true;
    }
    uint64_t& last_sequence = found.cursor.totals.last_sequence;
    last_sequence = std::max(last_sequence, found.next_sequence - 1);
    return true;
}

void LetterMarks::release_marked(std::vector<Release>& releases) {
    auto marks = read_marks(*slot_, &released_);
    if (!marks) {
        if (!std::exchange(failed_, true)) {
            logger_.write(Severity::error, marks.error().text);
        }
        return;
    }
    failed_ = false;
    for (const Mark& mark : *marks) {
        Resolution resolution =
            mark.kind == MarkKind::redriven ? Resolution::delivered : Resolution::dead;
        releases.push_back({mark.sequence, {}, resolution});
    }
}

}  // namespace momento
