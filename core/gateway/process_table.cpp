#include "gateway/process_table.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>

namespace momento {
namespace {

bool is_alive(uint64_t pid) {
    return kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM;
}

}  // namespace

void ProcessTable::enter(size_t place) {
    pids_[place].store(static_cast<uint64_t>(getpid()), std::memory_order_release);
}

void ProcessTable::leave(size_t place) {
    pids_[place].store(0, std::memory_order_release);
}

std::vector<size_t> ProcessTable::living() const {
    std::vector<size_t> places;
    for (size_t place = 0; place < pids_.size(); ++place) {
        const uint64_t pid = pids_[place].load(std::memory_order_acquire);
        if (pid != 0 && is_alive(pid)) places.push_back(place);
    }
    return places;
}

}  // namespace momento
