#include "ingest/secret_refresher.h"

#include <algorithm>
#include <utility>

#include "base/cleanse.h"

namespace momento {
namespace {

using State = SecretRefresher::Fetched::State;

constexpr int64_t refresh_interval_ms = 300'000;
constexpr double jitter = 0.1;  // of an interval, earlier or later
constexpr int64_t wanted_interval_ms = 5'000;
constexpr int64_t first_retry_ms = 1'000;
constexpr int64_t longest_retry_ms = 60'000;

constexpr int64_t us_per_ms = 1'000;

}  // namespace

struct SecretRefresher::Slot {
    SecretSource source;
    std::shared_ptr<const SecretSet> kept;
    std::shared_ptr<SecretSet> coming;  // half of a set, while it is being fetched

    bool fetching = false;
    bool wanted = false;
    int64_t due_us = 0;  // steady
    int64_t started_us = 0;
    bool ever_started = false;
    int failures = 0;  // since the last success
    std::string reported;

    explicit Slot(SecretSource named) : source(std::move(named)) {}
};

SecretRefresher::SecretRefresher(std::vector<SecretSource> sources, const Tools& tools,
                                 Fetch fetch, Deliver deliver)
    : tools_(tools), fetch_(std::move(fetch)), deliver_(std::move(deliver)) {
    for (SecretSource& source : sources) slots_.emplace_back(std::move(source));
    for (Slot& slot : slots_) slot.due_us = tools_.clock->steady_us();
}

SecretRefresher::~SecretRefresher() = default;

void SecretRefresher::step() {
    const int64_t now_us = tools_.clock->steady_us();
    for (size_t index = 0; index < slots_.size(); ++index) {
        Slot& slot = slots_[index];
        if (!slot.fetching && (slot.wanted || now_us >= slot.due_us)) start(index);
    }
}

bool SecretRefresher::want(size_t source) {
    Slot& slot = slots_.at(source);
    if (slot.fetching || slot.wanted) return true;
    const int64_t since_us = tools_.clock->steady_us() - slot.started_us;
    if (slot.ever_started && since_us < wanted_interval_ms * us_per_ms) return false;
    slot.wanted = true;
    return true;
}

void SecretRefresher::start(size_t index) {
    Slot& slot = slots_[index];
    slot.fetching = true;
    slot.wanted = false;
    slot.ever_started = true;
    slot.started_us = tools_.clock->steady_us();
    slot.coming = std::make_shared<SecretSet>();
    fetch_(slot.source, false,
           [this, index](Fetched fetched) { take_current(index, std::move(fetched)); });
}

void SecretRefresher::take_current(size_t index, Fetched fetched) {
    Slot& slot = slots_[index];
    if (fetched.state != State::found) return fail(index, fetched.error);
    Result<SecretValue> value = extract_secret(slot.source, fetched.content);
    cleanse(fetched.content);
    if (!value) return fail(index, value.error().text);
    slot.coming->current = {std::move(*value), std::move(fetched.version), fetched.created_ms};
    fetch_(slot.source, true,
           [this, index](Fetched previous) { take_previous(index, std::move(previous)); });
}

void SecretRefresher::take_previous(size_t index, Fetched fetched) {
    Slot& slot = slots_[index];
    if (fetched.state == State::found) {
        // One that holds no secret verifies nothing, and is no reason to refuse the other.
        Result<SecretValue> value = extract_secret(slot.source, fetched.content);
        cleanse(fetched.content);
        if (value) {
            slot.coming->previous =
                KeptSecret{std::move(*value), std::move(fetched.version), fetched.created_ms};
        }
    } else if (fetched.state == State::failed) {
        // Between the two answers a rotation may have happened: half a set is none.
        return fail(index, fetched.error);
    }
    finish(index);
}

void SecretRefresher::finish(size_t index) {
    Slot& slot = slots_[index];
    slot.fetching = false;
    slot.failures = 0;
    slot.due_us = tools_.clock->steady_us() + about(refresh_interval_ms) * us_per_ms;
    slot.coming->fetched_ms = tools_.clock->wall_ms();
    const std::string name = "secret \"" + slot.source.name() + '"';
    if (!slot.reported.empty()) {
        slot.reported.clear();
        tools_.logger->write(Severity::notice, name + " is refreshed again");
    } else if (slot.kept && slot.kept->current.version != slot.coming->current.version) {
        tools_.logger->write(Severity::notice, name + " was rotated");
    }
    slot.kept = std::move(slot.coming);
    deliver_(index, slot.kept);
}

void SecretRefresher::fail(size_t index, const std::string& why) {
    Slot& slot = slots_[index];
    slot.fetching = false;
    slot.coming.reset();
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
    deliver_(index, nullptr);
}

int64_t SecretRefresher::about(int64_t ms) const {
    const double share = 1 - jitter + 2 * jitter * tools_.random->unit();
    return static_cast<int64_t>(share * static_cast<double>(ms));
}

}  // namespace momento
