// Which slots of a spool a process has, found without taking a lock: what the kernel tells of
// locks in /proc/locks.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "spool/slot_reader.h"

namespace momento::cli {

class Attended {
  public:
    // As it is now. Where the kernel does not tell, or those who have locks are in another
    // container, nobody seems to have anything.
    explicit Attended(const std::string& spool, const std::string& locks = "/proc/locks");

    bool anything() const { return !inodes_.empty(); }
    bool has(const SlotPlace& place) const;

  private:
    const std::string spool_;
    std::set<uint64_t> inodes_;  // of locked files
};

}  // namespace momento::cli
