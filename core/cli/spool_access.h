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

inline constexpr char default_spool[] = "/var/lib/nginx/momento";

// Refuses a directory that is missing, unreadable, or something else than a spool: an empty
// answer about the directory above the spool would look like one that nothing is left in. A
// directory that nothing is in yet may be one.
Status check_spool(const std::string& directory);

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
    explicit ConsoleLogger(std::ostream& err) : err_(err) {}
    void write(Severity severity, std::string line) override;

  private:
    std::ostream& err_;
};

// Slots at which a command failed: each is told of when it is met, and keeps the others from
// nothing; in the end the command has failed.
class FailedSlots {
  public:
    explicit FailedSlots(Console& console) : console_(console) {}
    void add(const SlotPlace& place, const Error& error);
    Status status() const;

  private:
    Console& console_;
    size_t count_ = 0;
};

// The machine's disk, clock and chance.
SpoolTools system_tools(Logger& logger);

}  // namespace momento::cli
