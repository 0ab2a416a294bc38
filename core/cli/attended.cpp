#include "cli/attended.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "spool/slots.h"

namespace momento::cli {

// A line: "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF". Of who waits for one it says
// "-> FLOCK". The device is left out: some file systems show another one to stat().
Attended::Attended(const std::string& spool, const std::string& locks) : spool_(spool) {
    std::ifstream in(locks);
    std::string line;
    while (std::getline(in, line)) {
        std::istringstream words(line);
        std::string number, kind, mandatory, access, process, file;
        words >> number >> kind >> mandatory >> access >> process >> file;
        const size_t colon = file.rfind(':');
        if (kind != "FLOCK" || colon == std::string::npos) continue;
        inodes_.insert(strtoull(file.c_str() + colon + 1, nullptr, 10));
    }
}

bool Attended::has(const SlotPlace& place) const {
    struct stat info {};
    const std::string lock =
        spool_ + '/' + place.destination + '/' + place.slot + '/' + slot_lock_file;
    return stat(lock.c_str(), &info) == 0 && inodes_.count(info.st_ino) > 0;
}

}  // namespace momento::cli
