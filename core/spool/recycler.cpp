#include "spool/recycler.h"

#include <utility>

#include "spool/planted.h"

namespace momento {

Recycler::Recycler(SegmentStore& store, Appender& appender, CursorKeeper& cursor,
                   const SpoolSettings& settings, const Clock& clock, Logger& logger,
                   bool keeps_files)
    : store_(store),
      appender_(appender),
      cursor_(cursor),
      settings_(settings),
      clock_(clock),
      logger_(logger),
      keeps_files_(keeps_files) {}

bool Recycler::step() {
    return recycle_oldest() || prepare_spare();
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
    uint64_t behind = 0;  // the sequence behind its last one
    if (segments.size() > 1) {
        behind = segments[1].extent.first_sequence;
    } else if (!appender_.has_tail()) {
        behind = appender_.next_sequence();
    } else {
        return false;
    }
    if (cursor_.state().base_sequence < behind) return false;
    if (settings_.retain_ms > 0 &&
        oldest.newest_publish_ms > clock_.wall_ms() - settings_.retain_ms) {
        return false;
    }
    if (!recycle_pace_.due(clock_.steady_us())) return false;

    if (!planted(Bug::cursor_unsynced_at_recycling) && !cursor_.released_for_good(behind)) {
        return false;
    }
    const bool keep = appender_.has_tail() && !oldest.poisoned && keeps_files_;
    Status recycled = store_.recycle(oldest.extent.segment, oldest.size, keep);
    if (!recycled) {
        logger_.write(Severity::error, recycled.error().text);
        return false;
    }
    appender_.drop_oldest();
    recycle_pace_.at_once();
    return true;
}

bool Recycler::prepare_spare() {
    if (!appender_.has_tail() || !spare_pace_.due(clock_.steady_us())) return false;
    Result<bool> made = store_.prepare();
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
