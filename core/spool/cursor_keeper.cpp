#include "spool/cursor_keeper.h"

#include <utility>

namespace momento {

CursorKeeper::CursorKeeper(CursorState recovered, uint64_t noted_sequence,
                           std::shared_ptr<Directory> directory, const Clock& clock,
                           Logger& logger, StepObserver* observer, DestinationMetrics* metrics)
    : cursor_(recovered),
      file_(std::move(directory), observer),
      clock_(clock),
      logger_(logger),
      metrics_(metrics),
      appended_(recovered.totals.last_sequence > noted_sequence) {}

void CursorKeeper::note_segment(uint64_t first_sequence, Position first_record) {
    cursor_.note_segment(first_sequence, first_record);
}

void CursorKeeper::note_appended(uint64_t last_sequence, uint64_t redriven) {
    appended_ = appended_ || last_sequence > state().totals.last_sequence;
    cursor_.note_appended(last_sequence, redriven);
}

void CursorKeeper::release(std::vector<Release>& releases) {
    size_t kept = 0;
    for (const Release& release : releases) {
        const uint64_t dead = state().totals.dead;
        if (cursor_.release(release)) {
            released_ = true;
            if (state().totals.dead != dead) uncounted_.push_back(release.reason);
        } else {
            releases[kept++] = release;
        }
    }
    releases.resize(kept);
}

void CursorKeeper::write() {
    if (released_) write_now();
}

bool CursorKeeper::sync() {
    if (released_ || appended_) write_now();
    sync_file();
    return !released_ && !appended_;
}

bool CursorKeeper::renew() {
    if (!renewed_) write_now();
    return renewed_;
}

bool CursorKeeper::released_for_good(uint64_t sequence) {
    if (file_.durable_base() >= sequence) return true;
    // Of a log that was taken over with nothing pending nothing else makes the file.
    if (!file_.usable()) write_now();
    sync_file();
    return file_.durable_base() >= sequence;
}

void CursorKeeper::write_now() {
    Status written;
    if (file_.usable()) {
        written = file_.write(cursor_.next_generation());
    } else if (fresh_file_.due(clock_.steady_us())) {
        written = file_.make(cursor_.next_generation());
    } else {
        return;
    }
    if (!written) {
        complain(written.error());
        return;
    }
    renewed_ = true;
    released_ = false;
    appended_ = false;
    count_dead();
}

void CursorKeeper::count_dead() {
    if (metrics_ != nullptr) {
        for (const uint8_t reason : uncounted_) {
            metrics_->dead[reason].fetch_add(1, std::memory_order_relaxed);
        }
    }
    uncounted_.clear();
}

void CursorKeeper::sync_file() {
    if (!file_.usable()) return;
    if (Status synced = file_.sync(); !synced) complain(synced.error());
}

void CursorKeeper::complain(const Error& error) {
    released_ = true;  // as far as its file is concerned
    logger_.write(Severity::alert,
                  "what was delivered cannot be noted, and will be delivered again after a "
                  "restart: " +
                      error.text);
}

}  // namespace momento
