// The kind `file` (kind.h): lines in a file, in the shape EventBridge delivers events.
#include <utility>

#include "destination/file.h"
#include "destination/kind.h"
#include "destination/putevents.h"

namespace momento {
namespace {

// Its own, and as narrow as a bus's: what is tried out with a file goes to a bus one day.
EventLimits file_limits(const TargetSettings& settings) {
    EventLimits limits = putevents_limits;
    limits.entry_overhead = PutEventsEncoder(settings.source, {}).entry_size(Record{});
    limits.entry_bytes = settings.batch.bytes;
    return limits;
}

std::shared_ptr<Destination> make_file(const TargetSettings& settings,
                                       const DestinationTools& tools) {
    FileSettings file;
    file.name = settings.name;
    file.path = settings.target;
    file.spool = tools.spool->path;
    file.source = settings.source;
    file.region = settings.aws.region;
    file.limits = settings.batch;
    file.sync = tools.spool->sync;
    return std::make_shared<FileDestination>(std::move(file), *tools.clock, *tools.files,
                                             tools.errands);
}

}  // namespace

const DestinationKind file_kind = {
    "file",  "file path;", "a path",  {"region", "source", "batch"}, "", true, false, false, {},
    nullptr, file_limits,  make_file,
};

}  // namespace momento
