#include "destination/awaiting_region.h"

#include "base/ascii.h"

namespace momento {
namespace {

constexpr int64_t first_pause_ms = 1'000;
constexpr int64_t longest_pause_ms = 60'000;

}  // namespace

AwaitingRegion::AwaitingRegion(std::string user, Metadata metadata,
                               std::shared_ptr<Destination> anywhere, Make make,
                               const Tools& tools)
    : user_(std::move(user)),
      metadata_(std::move(metadata)),
      make_(std::move(make)),
      tools_(tools),
      destination_(std::move(anywhere)),
      pause_(first_pause_ms, longest_pause_ms, *tools.random) {}

void AwaitingRegion::send(std::vector<const Record*> batch, Done done) {
    if (known_) return destination_->send(std::move(batch), std::move(done));
    held_.emplace_back(batch.size(), std::move(done));
}

void AwaitingRegion::step() {
    if (known_) return destination_->step();
    if (!asking_ && !stopping_ && pause_.may_probe(tools_.clock->steady_us())) ask();
    for (auto& [entries, done] : std::exchange(held_, {})) {
        BatchResult result;
        result.entries.assign(
            entries, {EntryVerdict::Kind::hold, "RegionUnknown", "the region is not known"});
        done(std::move(result));
    }
}

void AwaitingRegion::stop_sending() {
    stopping_ = true;
    if (known_) destination_->stop_sending();
}

void AwaitingRegion::ask() {
    if (!metadata_) return fail(metadata_.error().text);
    asking_ = true;
    (*metadata_)->get(aws::instance_region_path, [this](const HttpResult& http) {
        take(http);
    });
}

void AwaitingRegion::take(const HttpResult& http) {
    asking_ = false;
    if (stopping_) return;
    if (http.failed) return fail(http.failure.text);
    if (http.response.status != 200) {
        return fail("its answer is " + std::to_string(http.response.status));
    }
    const std::string region(trim(http.response.body));
    Result<std::shared_ptr<Destination>> made = make_(region);
    if (!made) return fail(made.error().text);
    destination_ = std::move(*made);
    known_ = true;
    tools_.logger->write(Severity::notice,
                         user_ + ": the instance is in region \"" + region + '"');
}

void AwaitingRegion::fail(const std::string& why) {
    const int64_t now_us = tools_.clock->steady_us();
    if (pause_.active()) {
        pause_.probe_failed(now_us);
    } else {
        pause_.begin(now_us);
    }
    if (why == reported_) return;
    reported_ = why;
    tools_.logger->write(Severity::error,
                         user_ + ": no region known, its events are held; instance metadata: " +
                             why + "; set \"region\" or AWS_REGION");
}

}  // namespace momento
