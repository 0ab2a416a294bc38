#include "gateway/shared_metrics.h"

namespace momento {

void SharedMetrics::enter(size_t process) {
    processes.leave(process);
    slots.forget(process);
    parked.parts[process] = 0;
    thread_ends.say_closed(process, 0);
    without_secret.parts[process] = 0;
    delivery_stepped_us.parts[process] = 0;
    destinations.for_each([process](std::string_view, DestinationMetrics& destination) {
        destination.held.parts[process] = 0;
        destination.breaker_open.parts[process] = 0;
        destination.unopened.parts[process] = 0;
        destination.clock_offset_ms.parts[process] = 0;
        destination.credentials_expires_ms.parts[process] = 0;
    });
    processes.enter(process);
}

}  // namespace momento
