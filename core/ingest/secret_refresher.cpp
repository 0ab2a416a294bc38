#include "ingest/secret_refresher.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/cleanse.h"
#include "base/enum_table.h"

namespace momento {
namespace {

using State = SecretRefresher::Fetched::State;

constexpr int64_t refresh_interval_ms = 300'000;
constexpr double jitter = 0.1;  // of an interval, earlier or later
constexpr int64_t first_retry_ms = 1'000;
constexpr int64_t longest_retry_ms = 60'000;

constexpr int64_t us_per_ms = 1'000;
}  // namespace

struct SecretRefresher::Slot {
    SecretSource source;
    std::shared_ptr<const SecretSet> kept;
    EnumTable<SecretStage, std::optional<Fetched>> coming;

    // Steady clock.
    int64_t due_us = 0;
    int64_t may_be_wanted_us = 0;  // from when on a want counts
    int64_t started_us = 0;

    bool fetching = false;
    bool wanted = false;  // since the last start
    int failures = 0;     // since the last success
    std::string reported;

    explicit Slot(SecretSource named) : source(std::move(named)) {}
};

SecretRefresher::SecretRefresher(std::vector<SecretSource> sources, const Tools& tools,
                                 Fetch fetch, Deliver deliver)
    : tools_(tools), fetch_(std::move(fetch)), deliver_(std::move(deliver)) {
    for (SecretSource& source : sources) slots_.emplace_back(std::move(source));
    for (Slot& slot : slots_) slot.due_us = tools_.clock->steady_us();  // at once
}

SecretRefresher::~SecretRefresher() = default;

void SecretRefresher::step() {
    if (stopped_) return;
    const int64_t now_us = tools_.clock->steady_us();
    for (size_t index = 0; index < slots_.size(); ++index) {
        if (now_us >= start_us(slots_[index])) start(index);
    }
}

void SecretRefresher::want(size_t source) {
    slots_.at(source).wanted = true;
}

int64_t SecretRefresher::made_ms(size_t source) const {
    const auto& kept = slots_.at(source).kept;
    return kept ? kept->current.created_ms : 0;
}

int64_t SecretRefresher::next_us() const {
    int64_t next_us = never_us;
    for (const Slot& slot : slots_) next_us = std::min(next_us, start_us(slot));
    return stopped_ ? never_us : next_us;
}

// When its next refresh begins.
int64_t SecretRefresher::start_us(const Slot& slot) const {
    if (slot.fetching) return never_us;
    return slot.wanted ? std::min(slot.due_us, slot.may_be_wanted_us) : slot.due_us;
}

void SecretRefresher::start(size_t index) {
    Slot& slot = slots_[index];
    slot.started_us = tools_.clock->steady_us();
    if (std::exchange(slot.wanted, false)) {
        slot.may_be_wanted_us = slot.started_us + store_wish_interval_us;
    }
    slot.fetching = true;
    for (const SecretStage stage : each<SecretStage>()) {
        fetch_(index, stage, [this, index, stage](Fetched fetched) {
            take(index, stage, std::move(fetched));
        });
    }
}

void SecretRefresher::take(size_t index, SecretStage stage, Fetched fetched) {
    Slot& slot = slots_[index];
    slot.coming[stage].emplace(std::move(fetched));
    auto& [current, previous] = slot.coming.values;
    if (!current || !previous) return;

    slot.fetching = false;
    auto set = read(slot);
    for (auto& version : slot.coming.values) {
        cleanse(version->content);
        version.reset();
    }
    if (stopped_) return;
    if (set) {
        finish(index, std::move(*set));
    } else {
        fail(index, set.error().text);
    }
}

// A rotation may come between the two versions of a set, so that one is missing in it: what
// that one signs makes somebody want another set.
Result<std::shared_ptr<const SecretSet>> SecretRefresher::read(const Slot& slot) {
    const auto& [current, previous] = slot.coming.values;
    if (current->state != State::found) return Error{current->error};
    if (previous->state == State::failed) return Error{previous->error};

    auto value = extract_secret(slot.source, current->content);
    if (!value) return value.error();
    auto set = std::make_shared<SecretSet>();
    set->current = {std::move(*value), current->version, current->created_ms};
    // One that holds no secret verifies nothing, and is no reason to refuse the other.
    auto old = extract_secret(slot.source, previous->content);
    if (previous->state == State::found && old) {
        set->previous = KeptSecret{std::move(*old), previous->version, previous->created_ms};
    }
    return std::shared_ptr<const SecretSet>(std::move(set));
}

void SecretRefresher::finish(size_t index, std::shared_ptr<const SecretSet> set) {
    Slot& slot = slots_[index];
    slot.failures = 0;
    slot.due_us = tools_.clock->steady_us() + about(refresh_interval_ms) * us_per_ms;
    const std::string name = "secret \"" + slot.source.name() + '"';
    if (!slot.reported.empty()) {
        slot.reported.clear();
        tools_.logger->write(Severity::error, name + " is refreshed again");
    } else if (slot.kept && slot.kept->current.version != set->current.version) {
        tools_.logger->write(Severity::notice, name + " was rotated, its current version is " +
                                                   set->current.version);
    }
    slot.kept = std::move(set);
    deliver_({index, slot.kept, false, slot.started_us, 0});
}

void SecretRefresher::fail(size_t index, const std::string& why) {
    Slot& slot = slots_[index];
    const int64_t delay_ms =
        std::min(first_retry_ms << std::min(slot.failures, 10), longest_retry_ms);
    slot.due_us = tools_.clock->steady_us() + about(delay_ms) * us_per_ms;
    ++slot.failures;
    // Once for each reason.
    if (why != slot.reported) {
        slot.reported = why;
        tools_.logger->write(
            slot.kept ? Severity::error : Severity::alert,
            why + (slot.kept ? "; the last value is used on"
                             : "; nothing can be verified with it until it is there"));
    }
    deliver_({index, nullptr, true, slot.started_us, start_us(slot)});
}

int64_t SecretRefresher::about(int64_t ms) const {
    const double share = 1 - jitter + 2 * jitter * tools_.random->unit();
    return static_cast<int64_t>(share * static_cast<double>(ms));
}

}  // namespace momento
