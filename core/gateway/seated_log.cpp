#include "gateway/seated_log.h"

#include <string>
#include <utility>

namespace momento {

std::shared_ptr<SeatedLog> SeatedLog::make(std::shared_ptr<const SpoolSettings> settings,
                                           std::shared_ptr<Slots> slots,
                                           std::unique_ptr<Slot> slot, const EngineTools& tools,
                                           DestinationMetrics* metrics) {
    return std::shared_ptr<SeatedLog>(
        new SeatedLog(std::move(settings), std::move(slots), std::move(slot), tools, metrics));
}

SeatedLog::SeatedLog(std::shared_ptr<const SpoolSettings> settings,
                     std::shared_ptr<Slots> slots, std::unique_ptr<Slot> slot,
                     const EngineTools& tools, DestinationMetrics* metrics)
    : Log([this] { wake(); }, [http = tools.http] { http->wake(); }),
      settings_(std::move(settings)),
      slots_(std::move(slots)),
      slot_(std::move(slot)),
      tools_{tools.clock, tools.random, tools.logger,     tools.observer,
             metrics,     {},           slot_ != nullptr, tools.set_aside},
      seat_(tools.make_seat()) {
    // The writer, whose call it is, has this log.
    tools_.publish =
        [this, publish = make_publisher(tools, slots_->destination(), slot_ != nullptr)](
            const std::string& name, const SlotTotals& found, const LogNumbers& numbers) {
            note_slot(name);
            if (publish) publish(name, found, numbers);
        };
}

void SeatedLog::note_slot(const std::string& name) {
    if (has_slot_name_.load(std::memory_order_relaxed)) return;
    slot_name_ = name;
    has_slot_name_.store(true, std::memory_order_release);
}

void SeatedLog::set_aside() const {
    if (!has_slot_name_.load(std::memory_order_acquire) || !tools_.set_aside) return;
    tools_.set_aside(slots_->destination(), slot_name_);
}

void SeatedLog::insist() {
    if (is_wanted_.load() && !seat_->is_served()) wake();
}

void SeatedLog::wake() {
    is_wanted_.store(true);
    std::call_once(seated_, [this] { sit(std::move(slot_)); });
    seat_->wake();
}

bool SeatedLog::begin_with(std::unique_ptr<Slot>& slot) {
    std::call_once(seated_, [&] { sit(std::move(slot)); });
    if (slot) return false;
    wake();  // opens the slot
    return true;
}

void SeatedLog::sit(std::unique_ptr<Slot> slot) {
    if (slot) note_slot(slot->name);
    seat_->run(std::make_unique<Writer>(shared_from_this(), settings_, slots_, std::move(slot),
                                        tools_));
}

SlotPublisher make_publisher(const EngineTools& tools, const std::string& destination,
                             bool is_adopted) {
    SlotTable* table = tools.slots;
    if (table == nullptr) return {};
    return [table, process = tools.process, logger = tools.logger, destination, is_adopted,
            is_missed = false](const std::string& name, const SlotTotals& found,
                               LogNumbers numbers) mutable {
        // Nobody is refused because a log is full that only gives.
        if (is_adopted) numbers.full = false, numbers.fullness = 0;
        if (table->publish(destination, name, process, found, numbers)) return;
        if (std::exchange(is_missed, true)) return;
        logger->write(Severity::error, "the status has no room for more than " +
                                           std::to_string(SlotTable::capacity) +
                                           " slots since nginx started: it misses \"" +
                                           destination + '/' + name + '"');
    };
}

}  // namespace momento
