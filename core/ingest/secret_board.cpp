#include "ingest/secret_board.h"

#include <utility>

namespace momento {

SecretBoard::SecretBoard(std::vector<Source> sources, const Clock& clock, Ask ask)
    : clock_(clock), ask_(std::move(ask)) {
    for (Source& source : sources) {
        states_.emplace_back();
        states_.back().set = std::move(source.first);
        states_.back().wish_interval_us = source.wish_interval_us;
    }
}

void SecretBoard::take(const SecretOutcome& outcome) {
    State& state = states_.at(outcome.source);
    if (outcome.set) state.set = outcome.set;
    state.failed = outcome.failed;
    state.asked_us = outcome.asked_us;
    state.retry_us = outcome.retry_us;
    // One that had begun before the last wish is followed by another.
    if (outcome.asked_us >= state.wanted_us) state.under_way = false;
}

bool SecretBoard::expects_news(size_t source, int64_t since_us, int64_t until_us) {
    State& state = states_.at(source);
    if (state.under_way) return true;
    if (!state.failed && state.asked_us >= since_us) return false;

    const int64_t now_us = clock_.steady_us();
    const bool is_retried_in_time = state.failed && state.retry_us < until_us;
    const bool may_ask =
        !state.was_wanted || now_us - state.wanted_us >= state.wish_interval_us;
    if (may_ask && !is_retried_in_time) {
        state.was_wanted = true;
        state.wanted_us = now_us;
        state.under_way = true;
        ask_(source);
        return true;
    }
    return is_retried_in_time;
}

}  // namespace momento
