// What the commands that read or change a spool share.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/logger.h"
#include "base/result.h"
#include "cli/console.h"
#include "spool/record.h"
#include "spool/slot_reader.h"
#include "spool/tails.h"

namespace momento::cli {

// The spool where none is given: MOMENTO_SPOOL's, or /var/lib/nginx/momento.
std::string default_spool(const Console& console);

// The one that the operands name, or the default; checked. At most one operand.
Result<std::string> find_spool(const Arguments& operands, const Console& console);

// Refuses a directory that is missing, unreadable, or something else than a spool: an empty
// answer about the directory above the spool would look like one that nothing is left in. A
// directory that nothing is in yet may be one.
Status check_spool(const std::string& directory);

// Refuses a destination that has no directory in the spool: what is appended there would be
// orphans, unless the configuration knows it. The error lists those that are there.
Status check_destination(const std::string& spool, const std::string& name);

// Of a process run by root: takes the uid and gid of the directory's owner, for good. What
// it writes from then on is the workers' to read, and it can do no more harm than they.
Status become_owner(const std::string& directory);

// "2026-11-21T06:07:08.123Z"; "-" for 0.
std::string format_time(int64_t unix_ms);

// A record's members for --json: what it is, and the event as it arrived: "body", or
// "body_base64" if it is not UTF-8.
Json describe(const SlotPlace& place, const Record& record);

// Prints what the spool's own code has to say, while a command runs.
class ConsoleLogger final : public Logger {
  public:
    explicit ConsoleLogger(Console& console) : console_(console) {}
    void write(Severity severity, std::string line) override;

  private:
    Console& console_;
};

// Slots at which a command failed: each is told of when it is met, and keeps the others from
// nothing; in the end the command has failed.
class FailedSlots {
  public:
    explicit FailedSlots(Console& console) : console_(console) {}
    void add(const SlotPlace& place, const Error& error);
    Status status() const;
    size_t count() const { return count_; }

  private:
    Console& console_;
    size_t count_ = 0;
};

// A slot for people: "bus/0123456789abcdef", or "bus" where the whole directory is meant.
std::string slot_name(const SlotPlace& place);

// The machine's disk, clock and chance.
SpoolTools system_tools(Logger& logger);

}  // namespace momento::cli
