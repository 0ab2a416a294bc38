#include "spool/recycler.h"

#include <utility>

#include "spool/planted.h"

namespace momento {

namespace {

constexpr int64_t rest_us = 2'000'000;

}  // namespace

Recycler::Recycler(SegmentStore& store, Appender& appender, CursorKeeper& cursor,
                   const SpoolSettings& settings, const Clock& clock, Logger& logger, Use use)
    : store_(store),
      appender_(appender),
      cursor_(cursor),
      settings_(settings),
      clock_(clock),
      logger_(logger),
      use_(use) {}

bool Recycler::step() {
    return recycle_oldest() || remove_surplus() || prepare_spare();
}

// Nothing is pending, and nothing was appended for a while.
bool Recycler::is_at_rest() {
    const uint64_t next = appender_.next_sequence();
    const int64_t now = clock_.steady_us();
    if (std::exchange(last_sequence_, next) != next || cursor_.state().base_sequence < next) {
        at_rest_since_us_ = now;
    }
    return now - at_rest_since_us_ >= rest_us && appender_.synced_sequence() == next;
}

// The next segment will be needed soon.
bool Recycler::is_tail_used() const {
    return appender_.unwritten() < settings_.segment_size / 2;
}

// The reserve, and one to go on with.
size_t Recycler::wanted_spares() const {
    if (use_ == Use::drained) return 0;
    return appender_.has_tail() && !is_tail_used() ? 1 : 2;
}

void Recycler::make_room() {
    const uint64_t room = settings_.segment_size - segment_header_size;
    while (!store_.has_room(room) || store_.bytes() > settings_.size) {
        Result<bool> removed = store_.remove_outsized();
        if (!removed) logger_.write(Severity::error, removed.error().text);
        if (removed && *removed) continue;
        if (!recycle_oldest()) return;
    }
}

// The oldest segment, if all of it is released and will not be needed.
bool Recycler::recycle_oldest() {
    const std::deque<LogSegment>& segments = appender_.segments();
    if (segments.empty()) return false;
    const LogSegment oldest = segments.front();
    const bool is_tail = segments.size() == 1 && appender_.has_tail();
    if (is_tail && !(is_at_rest() && is_tail_used())) return false;
    // The sequence behind its last one.
    const uint64_t behind =
        segments.size() > 1 ? segments[1].extent.first_sequence : appender_.next_sequence();
    if (cursor_.state().base_sequence < behind) return false;
    if (settings_.retain_ms > 0 &&
        oldest.newest_publish_ms > clock_.wall_ms() - settings_.retain_ms) {
        return false;
    }
    if (!recycle_pace_.due(clock_.steady_us())) return false;

    if (!planted(Bug::cursor_unsynced_at_recycling) && !cursor_.released_for_good(behind)) {
        return false;
    }
    const bool keep = appender_.has_tail() && !oldest.poisoned && use_ == Use::events;
    if (is_tail) appender_.end_tail();
    Status recycled = store_.recycle(oldest.extent.segment, oldest.size, keep);
    if (!recycled) {
        logger_.write(Severity::error, recycled.error().text);
        return false;
    }
    appender_.drop_oldest();
    recycle_pace_.at_once();
    return true;
}

bool Recycler::remove_surplus() {
    const size_t most = is_at_rest() ? wanted_spares() : SegmentStore::most_spares;
    if (store_.spares() <= most || !surplus_pace_.due(clock_.steady_us())) return false;
    if (Status removed = store_.remove_smallest(); !removed) {
        logger_.write(Severity::error, removed.error().text);
        return false;
    }
    surplus_pace_.at_once();
    return true;
}

bool Recycler::prepare_spare() {
    if (!appender_.has_tail() || use_ == Use::drained) return false;
    if (!spare_pace_.due(clock_.steady_us())) return false;
    Result<bool> made = store_.prepare(wanted_spares());
    if (made && *made) {
        spare_pace_.at_once();
        return true;
    }
    if (!made && !std::exchange(spare_failed_, true)) {
        logger_.write(Severity::warn, "no segment can be made ahead: " + made.error().text);
    }
    if (made) spare_failed_ = false;
    return false;
}

}  // namespace momento
