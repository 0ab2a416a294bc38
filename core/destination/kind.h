// The kinds of destination, in one table. Whoever would ask which kind a destination is asks
// its row instead: directives, settings, status, metrics and momentoctl know no kind by name.
//
// A kind is a file beside this one that defines its row, and a line in kind.cpp.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "aws/resolving.h"
#include "base/clock.h"
#include "base/errands.h"
#include "base/event_limits.h"
#include "base/file_system.h"
#include "base/logger.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/result.h"
#include "destination/destination.h"
#include "destination/settings.h"
#include "http/client.h"
#include "spool/log.h"

namespace momento {

struct DestinationTools {
    const Clock* clock = nullptr;
    Logger* logger = nullptr;
    HttpClient* http = nullptr;
    Random* random = nullptr;
    Errands* errands = nullptr;  // optional: in place
    FileSystem* files = nullptr;
    BusCell* bus = nullptr;                // shared by the workers; nothing: not watched
    const SpoolSettings* spool = nullptr;  // only while it is made
};

struct DestinationKind {
    std::string_view name;  // "file": the setting that chooses it, and says its target
    const char* usage;      // "file path;"
    const char* target;     // "a path": what is expected behind the name

    // Settings it takes beside those that every destination has, and where others belong
    // (completes "has no meaning for …"; may be empty).
    std::vector<std::string_view> settings;
    const char* elsewhere;

    bool is_file;     // its target is a file that nginx opens for the workers, and again
    bool has_bus;     // its target is watched (DestinationMetrics::bus)
    bool speaks_aws;  // what AWS's environment and profiles say counts

    // The codes it refuses entries for, for the metrics.
    std::vector<std::string_view> refusals;

    // Both with the name of the destination and the value in errors. May be null: nothing to
    // find out. resolve() as that of all kinds, below; AwsPart::environment is filled in.
    Status (*resolve)(TargetSettings& settings, Warnings& warnings);

    // What its destinations take, by settings that went through resolve().
    EventLimits (*limits)(const TargetSettings& settings);
    std::shared_ptr<Destination> (*make)(const TargetSettings& settings,
                                         const DestinationTools& tools);
};

const std::vector<const DestinationKind*>& destination_kinds();

// Null if there is none.
const DestinationKind* find_kind(std::string_view name);

// What every kind takes: for events whose destination is not known yet.
EventLimits common_limits();

// Fills in what the settings leave open and the environment or a profile file knows
// (region, endpoints, proxy, certificates), and refuses what cannot work: a bus ARN that
// contradicts the region, a version 2 bus, a FIFO queue, an endpoint or proxy that is no URL.
// Called while the configuration is read; does no network. The error names the setting and
// the value. Adds to `warnings`.
Status resolve(TargetSettings& settings, const aws::EnvironmentSnapshot& environment,
               Warnings& warnings);

// Of the two things that resolve() looks at, the queue alone.
Status resolve_letter_queue(TargetSettings& settings,
                            const aws::EnvironmentSnapshot& environment, Warnings& warnings);

}  // namespace momento
