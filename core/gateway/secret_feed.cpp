#include "gateway/secret_feed.h"

#include <algorithm>
#include <utility>

#include "base/enum_table.h"

namespace momento {
namespace {

using Kind = SecretSource::Kind;

constexpr int64_t follow_interval_us = 1'000'000;

SecretRefresher::Fetched to_fetched(aws::SecretVersion version) {
    using State = SecretRefresher::Fetched::State;
    SecretRefresher::Fetched fetched;
    switch (version.state) {
        case aws::SecretVersion::State::found:
            fetched.state = State::found;
            break;
        case aws::SecretVersion::State::missing:
            fetched.state = State::missing;
            break;
        case aws::SecretVersion::State::failed:
            fetched.state = State::failed;
            break;
    }
    fetched.content = std::move(version.content);
    fetched.version = std::move(version.id);
    fetched.created_ms = version.created_ms;
    fetched.error = std::move(version.error);
    return fetched;
}

}  // namespace

SecretFeed::SecretFeed(std::shared_ptr<const GatewaySettings> settings,
                       const SecretStore::Tools& tools, MadeElsewhere made_elsewhere,
                       std::function<void()> wake_event_loop, SaidOnce said_once)
    : settings_(std::move(settings)),
      clock_(*tools.clock),
      made_elsewhere_(std::move(made_elsewhere)),
      said_once_(std::move(said_once)),
      wanted_([http = tools.http] { http->wake(); }),
      outcomes_(std::move(wake_event_loop)),
      in_store_(indexes_of(Kind::secrets_manager)),
      in_files_(indexes_of(Kind::file)),
      refresher_(make_refresher(tools)),
      watcher_(make_watcher(tools)) {
    for (const size_t index : in_store_) {
        const SecretSettings& secret = settings_->secrets[index];
        const bool is_known =
            std::any_of(stores_.begin(), stores_.end(),
                        [&secret](const auto& store) { return store->holds(secret); });
        if (is_known) continue;
        stores_.push_back(std::make_unique<SecretStore>(secret, tools));
    }
}

SecretRefresher SecretFeed::make_refresher(const SecretStore::Tools& tools) {
    return {sources_of(in_store_),
            {tools.clock, tools.random, tools.logger},
            [this](size_t source, SecretStage stage, SecretRefresher::FetchDone done) {
                fetch(in_store_[source], stage, std::move(done));
            },
            [this](SecretOutcome outcome) {
                outcome.source = in_store_[outcome.source];
                outcomes_.post(std::move(outcome));
            }};
}

SecretFileWatcher SecretFeed::make_watcher(const SecretStore::Tools& tools) {
    std::vector<SecretFile> files;
    for (const size_t index : in_files_) {
        const SecretSettings& secret = settings_->secrets[index];
        files.push_back({secret.source, secret.known, secret.known_ms});
    }
    return {std::move(files),
            *tools.clock,
            *tools.logger,
            tools.errands,
            [this](SecretOutcome outcome) {
                outcome.source = in_files_[outcome.source];
                outcomes_.post(std::move(outcome));
            },
            [this](size_t file, uint64_t what) {
                const size_t index = in_files_[file];
                Counter* said = index < said_once_.size() ? said_once_[index] : nullptr;
                // What is found after a reload is said again.
                what ^= static_cast<uint64_t>(settings_->read_ms) << 2;
                return said == nullptr || said->exchange(what) != what;
            }};
}

SecretFeed::Indexes SecretFeed::indexes_of(Kind kind) const {
    Indexes indexes;
    for (size_t i = 0; i < settings_->secrets.size(); ++i) {
        if (settings_->secrets[i].source.kind == kind) indexes.push_back(i);
    }
    return indexes;
}

std::vector<SecretSource> SecretFeed::sources_of(const Indexes& indexes) const {
    std::vector<SecretSource> sources;
    for (const size_t index : indexes) sources.push_back(settings_->secrets[index].source);
    return sources;
}

void SecretFeed::want(size_t source) {
    wanted_.post(source);
}

void SecretFeed::collect(const std::function<void(const SecretOutcome&)>& use) {
    outcomes_.take(collected_);
    for (const SecretOutcome& outcome : collected_) use(outcome);
    collected_.clear();
}

void SecretFeed::step() {
    wanted_.take(taken_);
    for (const size_t source : taken_) {
        const auto pass_on = [source](const Indexes& indexes, auto& asked) {
            const auto found = std::find(indexes.begin(), indexes.end(), source);
            if (found == indexes.end()) return;
            asked.want(static_cast<size_t>(found - indexes.begin()));
        };
        pass_on(in_store_, refresher_);
        pass_on(in_files_, watcher_);
    }
    follow_others();
    watcher_.step();
    refresher_.step();
    for (const auto& store : stores_) store->step();
}

// The delivery thread comes by often enough, whatever it waits for.
void SecretFeed::follow_others() {
    const int64_t now_us = clock_.steady_us();
    if (now_us < follow_us_) return;
    follow_us_ = now_us + follow_interval_us;
    for (size_t i = 0; i < in_store_.size(); ++i) {
        if (in_store_[i] >= made_elsewhere_.size()) return;
        const Counter* made = made_elsewhere_[in_store_[i]];
        const int64_t here_ms = refresher_.made_ms(i);
        if (made == nullptr || here_ms == 0) continue;
        const auto elsewhere_ms = static_cast<int64_t>(made->load(std::memory_order_relaxed));
        // Not only a later one: a rotation may be taken back.
        if (elsewhere_ms != 0 && elsewhere_ms != here_ms) refresher_.want(i);
    }
}

int64_t SecretFeed::wait_ms(int64_t max_wait_ms) const {
    const int64_t next_us = std::min(watcher_.next_us(), refresher_.next_us());
    const int64_t now_us = clock_.steady_us();
    if (next_us <= now_us) return 0;
    return std::min(max_wait_ms, (next_us - now_us) / 1000 + 1);
}

void SecretFeed::stop() {
    refresher_.stop();
    for (const auto& store : stores_) store->stop();
}

void SecretFeed::fetch(size_t source, SecretStage stage, SecretRefresher::FetchDone done) {
    const SecretSettings& secret = settings_->secrets[source];
    const auto store =
        std::find_if(stores_.begin(), stores_.end(),
                     [&secret](const auto& known) { return known->holds(secret); });
    constexpr auto stages = enum_table<SecretStage, aws::SecretStage>({
        {SecretStage::current, aws::SecretStage::current},
        {SecretStage::previous, aws::SecretStage::previous},
    });
    (*store)->fetch(secret.source.location, stages[stage],
                    [done = std::move(done)](aws::SecretVersion version) {
                        done(to_fetched(std::move(version)));
                    });
}

}  // namespace momento
