// Where a writer may be made to crash, by name. An observer (the simulator's) is told of
// each step as it is done, and may throw: nothing is cleaned up on disk then, as after a
// kill. Called on the writer's thread.
#pragma once

namespace momento {

class StepObserver {
  public:
    virtual ~StepObserver() = default;
    virtual void at(const char* step) = 0;
};

namespace steps {

inline constexpr char slot_opened[] = "slot opened";
inline constexpr char tail_synced_at_opening[] = "tail synced at opening";
inline constexpr char tail_resumed[] = "tail resumed";

inline constexpr char segment_header_written[] = "segment header written";
inline constexpr char segment_header_synced[] = "segment header synced";
inline constexpr char segment_renamed[] = "segment renamed";
inline constexpr char segment_named[] = "segment named";  // its name is durable
inline constexpr char segment_poisoned[] = "segment poisoned";

inline constexpr char records_written[] = "records written";
inline constexpr char records_synced[] = "records synced";
inline constexpr char records_published[] = "records published";
inline constexpr char records_settled[] = "records settled";

inline constexpr char releases_applied[] = "releases applied";
inline constexpr char cursor_written[] = "cursor written";
inline constexpr char cursor_synced[] = "cursor synced";
inline constexpr char fresh_cursor_written[] = "fresh cursor written";
inline constexpr char fresh_cursor_renamed[] = "fresh cursor renamed";
inline constexpr char fresh_cursor_named[] = "fresh cursor named";

inline constexpr char waiting_slot_made[] = "waiting slot made";
inline constexpr char segment_recycled[] = "segment recycled";
inline constexpr char segment_removed[] = "segment removed";
inline constexpr char spare_extended[] = "spare extended";
inline constexpr char finished[] = "finished";

// All of them, for reports of how often each was hit.
inline constexpr const char* all[] = {
    slot_opened,           tail_synced_at_opening,
    tail_resumed,          segment_header_written,
    segment_header_synced, segment_renamed,
    segment_named,         segment_poisoned,
    records_written,       records_synced,
    records_published,     records_settled,
    releases_applied,      cursor_written,
    cursor_synced,         fresh_cursor_written,
    fresh_cursor_renamed,  fresh_cursor_named,
    segment_recycled,      segment_removed,
    spare_extended,        finished,
    waiting_slot_made,
};

}  // namespace steps

inline void observe(StepObserver* observer, const char* step) {
    if (observer != nullptr) observer->at(step);
}

}  // namespace momento
