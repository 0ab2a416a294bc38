#include "spool/slots.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/permissions.h"
#include "spool/cursor_file.h"
#include "spool/leftovers.h"
#include "spool/planted.h"
#include "spool/segment.h"

namespace momento {

namespace {

constexpr size_t max_destination_name = 64;
constexpr int64_t retry_interval_ms = 10'000;  // after what was not needed could not be removed

// A slot's owner is told by its directory's owner: workers that run as somebody else now.
bool is_refused(const Error& error) {
    return error.code == EACCES || error.code == EPERM;
}

constexpr char owner_remedy[] = "; give it to the user that workers run as (chown -R)";

// A directory above may keep workers out, whoever owns what is below.
std::string remedy_of(const std::string& path) {
    const std::string closed = closed_directory(path);
    return closed.empty() ? owner_remedy : "; workers " + may_not_enter(closed);
}

Error with_remedy(Error error, const std::string& path) {
    if (is_refused(error)) error.text += remedy_of(path);
    return error;
}

}  // namespace

bool is_destination_name(std::string_view name) {
    return !name.empty() && name.size() <= max_destination_name &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return is_alphanumeric(c) || c == '_' || c == '-'; });
}

bool is_slot_name(const std::string& name) {
    return parse_hex16(name).has_value();
}

Slots::Slots(std::string spool_path, std::string destination, FileSystem& files, Random& random,
             Logger& logger, std::function<bool(const std::string& slot)> is_set_aside)
    : spool_path_(std::move(spool_path)),
      destination_(std::move(destination)),
      files_(files),
      random_(random),
      logger_(logger),
      is_set_aside_(std::move(is_set_aside)) {}

Result<std::shared_ptr<Directory>> Slots::open_destination(bool create) {
    auto spool = files_.open_directory(spool_path_, false);
    if (!spool) return spool.error();
    auto opened = (*spool)->open_directory(destination_, create);
    if (!opened) return opened.error();
    std::shared_ptr<Directory> destination = std::move(*opened);
    if (!create) return destination;

    // Whoever made these directories may have died before they were durable.
    if (Status synced = (*spool)->sync(); !synced) return synced.error();
    auto above = files_.open_directory(spool_path_ + "/..", false);
    if (above) (void)(*above)->sync();  // not ours, and perhaps not for us to read
    return destination;
}

Result<std::unique_ptr<Slot>> Slots::claim() {
    auto parent = open_destination(true);
    if (!parent) return with_remedy(parent.error(), spool_path_ + '/' + destination_);
    auto names = (*parent)->list();
    if (!names) return names.error();
    std::sort(names->begin(), names->end());

    for (const std::string& name : *names) {
        if (!is_free(name)) continue;
        auto slot = lock_slot(*parent, name);
        if (!slot) {
            report(is_refused(slot.error()) ? Severity::error : Severity::alert, name,
                   slot.error().text);
        } else if (*slot && (*slot)->found.unreadable.empty()) {
            if (Status synced = (*parent)->sync(); !synced) return synced.error();
            return slot;
        }
    }
    return make_slot(*parent);
}

Result<std::unique_ptr<Slot>> Slots::make_slot(const std::shared_ptr<Directory>& parent) {
    // Between making and locking it, somebody who looks for a free slot may take it.
    constexpr int most_attempts = 8;
    for (int attempt = 0; attempt < most_attempts; ++attempt) {
        std::string name = hex16(random_.number());
        auto made = parent->open_directory(name, true);
        if (!made) return made.error();
        if (Status synced = parent->sync(); !synced) return synced.error();
        auto slot = lock_slot(parent, name);
        if (!slot || *slot) return slot;
    }
    return Error{"new slots of \"" + destination_ + "\" are taken as they are made", EAGAIN};
}

Result<std::unique_ptr<Slot>> Slots::adopt() {
    return go_through(true);
}

void Slots::tidy() {
    (void)go_through(false);  // what cannot be locked or read was reported
}

Result<std::unique_ptr<Slot>> Slots::go_through(bool adopts) {
    auto parent = open_destination(false);
    if (!parent) {
        if (parent.error().code == ENOENT) return std::unique_ptr<Slot>();
        return parent.error();
    }
    auto names = (*parent)->list();
    if (!names) return names.error();

    for (const std::string& name : *names) {
        if (!is_free(name)) continue;
        // Without the lock: a slot that was drained when it was last seen is not worth it,
        // and a worker that looks for a free slot shall find it free.
        if (is_drained(**parent, name)) continue;

        if (planted(Bug::blocked_for_good) && was_reported(name)) continue;
        auto slot = lock_slot(*parent, name);
        if (!slot) {
            report(is_refused(slot.error()) ? Severity::error : Severity::alert, name,
                   slot.error().text);
            continue;
        }
        if (!*slot) continue;
        if (adopts && (*slot)->found.cursor.totals.pending() > 0) return slot;
        const int64_t again_ms = give_back(**slot);
        // Looked at again under the lock: nobody else changes it now.
        if (auto glanced = glance(*(*slot)->directory)) {
            std::lock_guard guard(mutex_);
            glanced->again_ms = again_ms;
            drained_[name] = *glanced;
        }
    }
    return std::unique_ptr<Slot>();
}

bool Slots::is_drained(Directory& parent, const std::string& name) {
    auto directory = parent.open_directory(name, false);
    if (!directory) return false;
    auto seen = glance(**directory);
    if (!seen) return false;
    std::lock_guard guard(mutex_);
    auto known = drained_.find(name);
    return known != drained_.end() && known->second.is_of(*seen, now_ms());
}

// When there is more to give back, wall clock.
int64_t Slots::give_back(Slot& slot) {
    if (tidying_.clock == nullptr) return INT64_MAX;
    RecoveredSlot& found = slot.found;
    const bool has_pending = found.cursor.totals.pending() > 0;
    int64_t again_ms = INT64_MAX;
    Status done = give_back_spares(*slot.directory, found);
    if (done && !has_pending) {
        auto until = give_back_segments(slot.directory, found, tidying_.retain_ms, now_ms());
        if (until) again_ms = *until;
        if (!until) done = until.error();
    }
    if (!done) {
        logger_.write(Severity::error, "what slot \"" + slot.name + "\" of \"" + destination_ +
                                           "\" needs no more stays: " + done.error().text);
        again_ms = now_ms() + retry_interval_ms;
    }
    if (tidying_.published) {
        LogNumbers numbers;
        numbers.totals = found.cursor.totals;
        numbers.bytes = bytes_of(found);
        numbers.let_go = true;
        tidying_.published(slot.name, found.cursor.totals, numbers);
    }
    return again_ms;
}

bool Slots::is_free(const std::string& name) const {
    return is_slot_name(name) && !(is_set_aside_ && is_set_aside_(name));
}

// What one slot's files do to whoever reads them must not keep the others from being used.
Result<RecoveredSlot> Slots::recover(Directory& slot, const std::string& name) {
    try {
        return recover_slot(slot, name, logger_);
    } catch (const std::exception& e) {
        return Error{std::string("it cannot be read: ") + e.what()};
    }
}

Result<Slots::Drained> Slots::glance(Directory& slot) {
    Drained seen;
    bool foreign = false;
    auto cursor = read_cursor(slot, &foreign);
    if (!cursor) return cursor.error();
    if (*cursor) seen.generation = (*cursor)->generation;
    auto names = slot.list();
    if (!names) return names.error();
    for (const std::string& name : *names) {
        seen.newest_segment = std::max(seen.newest_segment, segment_number(name).value_or(0));
    }
    return seen;
}

// Null: another process has it, or it must be left alone.
Result<std::unique_ptr<Slot>> Slots::lock_slot(const std::shared_ptr<Directory>& parent,
                                               const std::string& name) {
    auto slot = try_slot(parent, name);
    // What a slot holds that nobody can look into nobody knows: something.
    const bool is_gone = !slot && slot.error().code == ENOENT;
    if (!slot && !is_gone && on_blocked) on_blocked(name, 1);
    return slot;
}

Result<std::unique_ptr<Slot>> Slots::try_slot(const std::shared_ptr<Directory>& parent,
                                              const std::string& name) {
    auto directory = parent->open_directory(name, false);
    if (!directory) return directory.error();
    auto lock = (*directory)->try_lock(slot_lock_file);
    if (!lock) return lock.error();
    if (!*lock && !planted(Bug::adoption_without_lock)) return std::unique_ptr<Slot>();
    // Whoever had it may have set it aside since it was looked at, before the lock was free.
    if (!is_free(name)) return std::unique_ptr<Slot>();

    auto found = recover(**directory, name);
    if (!found) return found.error();
    if (found->foreign) {
        report(Severity::alert, name,
               "it was written in another format version; use the version of the module "
               "that wrote it to drain it");
        return std::unique_ptr<Slot>();
    }
    if (!found->blocked.empty()) {
        const uint64_t events = found->cursor.totals.pending();
        if (on_blocked) on_blocked(name, std::max<uint64_t>(events, 1));
        report(Severity::alert, name,
               found->blocked + "; about " + std::to_string(events) +
                   " events in it wait until it can be read");
        return std::unique_ptr<Slot>();
    }
    auto slot = std::make_unique<Slot>();
    slot->destination = destination_;
    slot->name = name;
    slot->above = parent;
    slot->directory = std::move(*directory);
    slot->lock = std::move(*lock);
    slot->found = std::move(*found);
    return slot;
}

bool Slots::was_reported(const std::string& name) {
    std::lock_guard guard(mutex_);
    return std::find(reported_.begin(), reported_.end(), name) != reported_.end();
}

void Slots::report(Severity severity, const std::string& name, const std::string& what) {
    {
        std::lock_guard guard(mutex_);
        if (std::find(reported_.begin(), reported_.end(), name) != reported_.end()) return;
        reported_.push_back(name);
    }
    std::string path = spool_path_ + "/" + destination_ + "/" + name;
    std::string line = "slot \"" + path + "\" is left alone: " + what;
    if (severity == Severity::error) line += remedy_of(path);
    logger_.write(severity, std::move(line));
}

}  // namespace momento
