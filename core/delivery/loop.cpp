#include "delivery/loop.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "delivery/destination_delivery.h"

namespace momento {
namespace {

// A request to EventBridge takes 10 ms or more; a turn and its wake-up cost 20 us and more.
constexpr int64_t gather_us = 1'000;

}  // namespace

class DeliveryLoop::Impl {
  public:
    explicit Impl(DeliveryTools tools) : tools_(std::move(tools)) {}

    DestinationDelivery* find(const std::string& name) {
        auto it = std::find_if(deliveries_.begin(), deliveries_.end(),
                               [&](const auto& delivery) { return delivery->name() == name; });
        return it == deliveries_.end() ? nullptr : it->get();
    }

    // In milliseconds, rounded up: a timer that is not due yet must not be polled for.
    int64_t wait_ms(int64_t max_wait_ms) const {
        int64_t now_us = tools_.clock->steady_us();
        int64_t wait_ms = max_wait_ms;
        for (const auto& delivery : deliveries_) {
            int64_t next_us = delivery->next_us();
            if (next_us <= now_us) return 0;
            int64_t left_us = next_us - now_us;
            wait_ms = std::min(wait_ms, left_us / 1000 + (left_us % 1000 != 0));
        }
        return wait_ms;
    }

    // Answers may wait a little under load, people may not.
    int64_t gathers_us() const {
        const bool is_awaited =
            std::any_of(deliveries_.begin(), deliveries_.end(),
                        [](const auto& delivery) { return delivery->is_awaited(); });
        return is_awaited ? 0 : gather_us;
    }

    const DeliveryTools tools_;
    std::vector<std::unique_ptr<DestinationDelivery>> deliveries_;
};

DeliveryLoop::DeliveryLoop(DeliveryTools tools)
    : impl_(std::make_unique<Impl>(std::move(tools))) {}

DeliveryLoop::~DeliveryLoop() = default;

void DeliveryLoop::add_destination(DeliverySettings settings,
                                   std::shared_ptr<Destination> destination,
                                   std::shared_ptr<Log> letters, DestinationMetrics* metrics) {
    impl_->deliveries_.push_back(
        std::make_unique<DestinationDelivery>(std::move(settings), std::move(destination),
                                              std::move(letters), metrics, impl_->tools_));
}

void DeliveryLoop::add_log(const std::string& destination, std::shared_ptr<Log> log) {
    DestinationDelivery* delivery = impl_->find(destination);
    assert(delivery != nullptr);
    delivery->add_log(std::move(log));
}

std::vector<std::shared_ptr<Log>> DeliveryLoop::take_drained() {
    std::vector<std::shared_ptr<Log>> logs;
    for (const auto& delivery : impl_->deliveries_) delivery->take_drained(logs);
    return logs;
}

bool DeliveryLoop::reads(const Log& log) const {
    return std::any_of(impl_->deliveries_.begin(), impl_->deliveries_.end(),
                       [&log](const auto& delivery) { return delivery->reads(log); });
}

void DeliveryLoop::step(int64_t max_wait_ms) {
    for (const auto& delivery : impl_->deliveries_) delivery->step();
    impl_->tools_.http->gather_answers(impl_->gathers_us());
    impl_->tools_.http->run(impl_->wait_ms(max_wait_ms));
    for (const auto& delivery : impl_->deliveries_) delivery->post();
}

void DeliveryLoop::wake() {
    impl_->tools_.http->wake();
}

void DeliveryLoop::hurry() {
    for (const auto& delivery : impl_->deliveries_) delivery->hurry();
}

bool DeliveryLoop::is_done(int64_t until_us) const {
    return idle() && std::all_of(impl_->deliveries_.begin(), impl_->deliveries_.end(),
                                 [until_us](const auto& delivery) {
                                     return delivery->next_send_us() > until_us;
                                 });
}

void DeliveryLoop::stop_sending() {
    for (const auto& delivery : impl_->deliveries_) delivery->stop_sending();
}

bool DeliveryLoop::idle() const {
    return std::all_of(impl_->deliveries_.begin(), impl_->deliveries_.end(),
                       [](const auto& delivery) { return delivery->idle(); });
}

}  // namespace momento
