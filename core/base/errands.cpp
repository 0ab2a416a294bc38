#include "base/errands.h"

#include <algorithm>

namespace momento {
namespace {

constexpr int64_t told_after_us = 5'000'000;
constexpr int64_t offer_interval_us = 1'000'000;

std::string seconds(int64_t us) {
    return std::to_string(us / 1'000'000) + " s";
}

}  // namespace

struct Errands::Errand {
    uint64_t number = 0;
    ErrandName name;
    std::function<void()> work;  // empty once somebody took it
    std::function<void()> done;
    int64_t started_us = 0;
    bool is_told = false;
};

Errands::Errands(const Clock& clock, Logger& logger, Crew& crew, std::function<void()> wake)
    : clock_(clock),
      logger_(logger),
      crew_(crew),
      box_(std::make_shared<Box>(std::move(wake))) {}

Errands::~Errands() = default;

void Errands::add(ErrandName name, std::function<void()> work, std::function<void()> done) {
    const uint64_t number = ++last_number_;
    const auto report = [box = box_, number, work = std::move(work)] {
        Returned returned{number, nullptr};
        try {
            work();
        } catch (const std::exception&) {
            returned.trouble = std::current_exception();
        }
        box->post(std::move(returned));
    };
    under_way_.push_back(
        {number, std::move(name), report, std::move(done), clock_.steady_us(), false});
    offer(under_way_.back());
}

// Only so often while nobody is there: asking for a thread in vain costs a line in the log.
void Errands::offer(Errand& errand) {
    const int64_t now_us = clock_.steady_us();
    if (!errand.work || now_us < offered_again_us_) return;
    if (crew_.take(errand.work)) {
        errand.work = nullptr;
    } else {
        offered_again_us_ = now_us + offer_interval_us;
    }
}

void Errands::step() {
    box_->take(returned_);
    for (Returned& returned : returned_) take(std::move(returned));
    for (Errand& errand : under_way_) offer(errand);
    report_waiting();
}

void Errands::take(Returned returned) {
    const auto found = std::find_if(
        under_way_.begin(), under_way_.end(),
        [&returned](const Errand& errand) { return errand.number == returned.number; });
    // Out of the list first: `done` may start others.
    std::list<Errand> back;
    back.splice(back.begin(), under_way_, found);
    const Errand& errand = back.front();
    if (errand.is_told) {
        logger_.write(Severity::error, errand.name.waiter + " waits no more for " +
                                           errand.name.matter + ", after " +
                                           seconds(clock_.steady_us() - errand.started_us));
    }
    if (returned.trouble) std::rethrow_exception(returned.trouble);
    errand.done();
}

void Errands::report_waiting() {
    const int64_t now_us = clock_.steady_us();
    for (Errand& errand : under_way_) {
        if (now_us - errand.started_us < told_after_us) return;  // later ones are younger
        if (std::exchange(errand.is_told, true)) continue;
        logger_.write(Severity::error, errand.name.waiter + " has waited " +
                                           seconds(now_us - errand.started_us) + " for " +
                                           errand.name.matter + ": " + errand.name.remedy);
    }
}

}  // namespace momento
