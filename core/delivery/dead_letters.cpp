#include "delivery/dead_letters.h"

#include <utility>

namespace momento {

DeadLetters::DeadLetters(std::string destination, std::shared_ptr<Log> log,
                         std::function<void()> wake)
    : destination_(std::move(destination)),
      log_(std::move(log)),
      settlements_(std::move(wake)) {}

void DeadLetters::bury(Entry* entry) {
    Record letter = entry->record;
    letter.kind = RecordKind::dead_letter;
    letter.destination = destination_;
    letter.reason_code = entry->refusal->code;
    letter.reason_message = entry->refusal->message;
    letters_.push_back(RecordBuffer::from(letter));
    unsettled_.emplace(next_ticket_++, entry);
    bytes_ += entry->memory;
}

void DeadLetters::post() {
    if (letters_.empty()) return;
    AppendBatch batch;
    batch.first_ticket = next_ticket_ - letters_.size();
    batch.records = std::exchange(letters_, {});
    batch.reply = &settlements_;
    batch.may_use_reserve = true;
    log_->append(std::move(batch));
}

void DeadLetters::settle(std::vector<Entry*>& durable, std::vector<Entry*>& failed) {
    settlements_.take(taken_);
    for (const Settlement& settlement : taken_) {
        auto begin = unsettled_.lower_bound(settlement.first_ticket);
        auto end = unsettled_.lower_bound(settlement.first_ticket + settlement.count);
        for (auto it = begin; it != end; ++it) {
            (settlement.durable ? durable : failed).push_back(it->second);
            bytes_ -= it->second->memory;
        }
        unsettled_.erase(begin, end);
    }
}

}  // namespace momento
