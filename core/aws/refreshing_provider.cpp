#include "aws/refreshing_provider.h"

#include <algorithm>
#include <utility>

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

constexpr int64_t minute_ms = 60'000;

// Before the end of a set. Source: botocore's RefreshableCredentials.
constexpr int64_t advisory_window_ms = 15 * minute_ms;
constexpr double mandatory_share = 10.0 / 15.0;  // of the advisory window
constexpr int64_t lifetime_share = 4;            // a window is at most a quarter of it
constexpr double window_jitter = 0.25;           // of the advisory window, earlier

// A set that is handed out although it has expired is used for so long before the next is
// fetched, and up to as much longer. Source: botocore's InstanceMetadataFetcher.
constexpr int64_t prolonged_ms = 17 * minute_ms;
constexpr int64_t prolonged_jitter_ms = 8 * minute_ms;

constexpr int64_t advisory_retry_ms = minute_ms;
constexpr int64_t first_retry_ms = 1'000;
constexpr int64_t longest_retry_ms = minute_ms;

// Service refusals fetch a new set at most this often.
constexpr int64_t forced_interval_us = 30'000'000;

class RefreshingProvider final : public CredentialsProvider {
  public:
    RefreshingProvider(const RefreshSettings& settings, ProviderTools tools, Fetch fetch)
        : settings_(settings), tools_(std::move(tools)), fetch_(std::move(fetch)) {}

    const char* name() const override { return settings_.name; }

    CredentialsAnswer get() override {
        if (!fetching_ && is_due()) start();
        if (forced_) return pending();
        if (is_usable()) return {State::ready, current_, {}};
        return fetching_ ? pending() : failure_;
    }

    void invalidate() override {
        int64_t now_us = tools_.clock->steady_us();
        if (!current_ || now_us < next_forced_us_) return;
        next_forced_us_ = now_us + forced_interval_us;
        forced_ = true;
        retry_us_ = 0;
    }

  private:
    static CredentialsAnswer pending() { return {State::pending, nullptr, {}}; }

    bool is_due() const {
        if (tools_.clock->steady_us() < retry_us_) return false;
        return !current_ || forced_ || (refresh_ms_ && tools_.clock->wall_ms() >= *refresh_ms_);
    }

    bool is_usable() const {
        if (!current_) return false;
        if (!expires_ms_ || tools_.clock->wall_ms() < *expires_ms_) return true;
        return settings_.outlives_expiry && failures_ > 0;
    }

    void start() {
        fetching_ = true;
        fetch_([this, alive = std::weak_ptr<int>(alive_)](CredentialsAnswer answer) {
            if (alive.lock()) take(std::move(answer));
        });
    }

    void take(CredentialsAnswer answer) {
        fetching_ = false;
        if (answer.state == State::pending) {
            failure_ = std::move(answer);
            return;
        }
        forced_ = false;
        if (answer.state == State::ready) {
            if (answer.had_blanks && !told_of_blanks_) {
                told_of_blanks_ = true;
                tools_.logger->write(Severity::error,
                                     blanks_warning(tools_.user, settings_.name));
            }
            accept(std::move(answer.credentials));
        } else {
            reject(std::move(answer));
        }
    }

    void accept(std::shared_ptr<const Credentials> credentials) {
        if (reported_) {
            tools_.logger->write(Severity::error, subject() + " are renewed again");
            reported_ = false;
        }
        failures_ = 0;
        failure_ = {};
        retry_us_ = 0;
        current_ = std::move(credentials);
        expires_ms_ = current_->expires_ms;
        refresh_ms_.reset();
        if (!expires_ms_) return;

        int64_t now_ms = tools_.clock->wall_ms();
        if (*expires_ms_ <= now_ms) {
            // In an outage AWS hands out what it has, and our clock may be wrong: whoever
            // is asked with this set decides.
            expires_ms_ = now_ms + prolonged_ms + by_chance(prolonged_jitter_ms);
        }
        int64_t window_ms =
            std::min(advisory_window_ms, (*expires_ms_ - now_ms) / lifetime_share);
        int64_t earlier_ms =
            by_chance(static_cast<int64_t>(window_jitter * static_cast<double>(window_ms)));
        refresh_ms_ = *expires_ms_ - window_ms - earlier_ms;
        mandatory_ms_ = *expires_ms_ -
                        static_cast<int64_t>(mandatory_share * static_cast<double>(window_ms));
    }

    void reject(CredentialsAnswer answer) {
        failure_ = std::move(answer);
        bool in_passing = current_ && tools_.clock->wall_ms() < mandatory_ms_;
        int64_t delay_ms = advisory_retry_ms;
        if (!in_passing) {
            delay_ms = std::min(first_retry_ms << std::min(failures_, 10), longest_retry_ms);
        }
        delay_ms = delay_ms / 2 + by_chance(delay_ms / 2);
        retry_us_ = tools_.clock->steady_us() + delay_ms * 1'000;
        ++failures_;
        if (current_ && !in_passing && !reported_) {
            reported_ = true;
            tools_.logger->write(Severity::error,
                                 subject() + " cannot be renewed, the last ones are used " +
                                     (settings_.outlives_expiry ? "on: " : "to their end: ") +
                                     failure_.error);
        }
    }

    std::string subject() const {
        return tools_.user + ": credentials of kind \"" + settings_.name + '"';
    }

    int64_t by_chance(int64_t most) const {
        return static_cast<int64_t>(tools_.random->unit() * static_cast<double>(most));
    }

    const RefreshSettings settings_;
    const ProviderTools tools_;
    const Fetch fetch_;
    const std::shared_ptr<int> alive_ = std::make_shared<int>();  // ends with the provider

    std::shared_ptr<const Credentials> current_;
    std::optional<int64_t> expires_ms_;  // when current_ is used no more
    std::optional<int64_t> refresh_ms_;  // from then on a new set is fetched
    int64_t mandatory_ms_ = 0;           // from then on it is needed

    bool fetching_ = false;
    bool forced_ = false;  // current_ was refused: nothing is said before the next fetch ends
    int64_t next_forced_us_ = 0;

    CredentialsAnswer failure_;  // of the last fetch
    int failures_ = 0;           // since the last set
    int64_t retry_us_ = 0;
    bool reported_ = false;
    bool told_of_blanks_ = false;
};

}  // namespace

std::unique_ptr<CredentialsProvider> make_refreshing_provider(const RefreshSettings& settings,
                                                              const ProviderTools& tools,
                                                              Fetch fetch) {
    return std::make_unique<RefreshingProvider>(settings, tools, std::move(fetch));
}

}  // namespace momento::aws
