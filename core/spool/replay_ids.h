// Reads back from a spool which signatures were accepted lately: from what is pending, from
// released records in segments that are kept for this (SpoolSettings::retain_ms), and from
// dead letters.
//
// Beside the processes that own the slots, changing nothing; blocks. Each slot's lock is
// tried for a moment, to know whether somebody may be appending.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/file_system.h"
#include "base/logger.h"
#include "base/result.h"
#include "spool/record.h"

namespace momento {

struct AcceptedSignature {
    ReplayId id{};
    uint32_t zone = 0;       // replay_zone_key()
    int64_t publish_ms = 0;  // of the event; when it was accepted, if it does not say
    std::string reason;      // the code of a dead letter; empty: an event
    // The record's owner may be about to answer that it is not durable. It says within a
    // second: in the slot's cursor, or by what it writes behind the record.
    bool in_doubt = false;
};

// False: stop.
using SignatureVisitor = std::function<bool(const AcceptedSignature&)>;

// Visits those whose record names a replay zone and which were published at `since_ms` or
// later, in no order; some more than once. What cannot be read is logged and passed over.
// An error if the spool cannot be read at all; a spool that is not there is an empty one.
Status visit_signatures(FileSystem& files, const std::string& spool, int64_t since_ms,
                        Logger& logger, const SignatureVisitor& visit);

}  // namespace momento
