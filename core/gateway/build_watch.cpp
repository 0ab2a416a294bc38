#include "gateway/build_watch.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace momento {
namespace {

constexpr int64_t look_interval_us = 60'000'000;

// Never 0. A build ID is a hash: a part of it is one, too.
uint64_t number_of(const std::string& id) {
    uint64_t number = 0;
    std::memcpy(&number, id.data(), std::min(id.size(), sizeof number));
    return number == 0 ? 1 : number;
}

}  // namespace

BuildWatch::BuildWatch(LoadedBuild running, const Clock& clock, Logger& logger, Counter& told,
                       Errands* errands)
    : running_(std::move(running)),
      clock_(clock),
      logger_(logger),
      told_(told),
      errands_(errands) {}

void BuildWatch::step() {
    const int64_t now_us = clock_.steady_us();
    if (running_.id.empty() || is_looking_ || now_us < next_us_) return;
    is_looking_ = true;
    next_us_ = now_us + look_interval_us;
    run_elsewhere<Result<std::string>>(
        errands_,
        {"the watch over upgrades", "a look at \"" + running_.path + '"',
         "an upgrade is not noticed; look whether the file system is there"},
        [path = running_.path] { return build_id_of(path); },
        [this](const Result<std::string>& id) {
            is_looking_ = false;
            compare(id);
        });
}

// What cannot be read, or is just being written, says nothing.
void BuildWatch::compare(const Result<std::string>& id) {
    if (!id || id->empty()) return;
    const uint64_t found = *id == running_.id ? 0 : number_of(*id);
    const uint64_t before = told_.exchange(found);
    if (before == found) return;
    const std::string file = '"' + running_.path + '"';
    if (found == 0) {
        return logger_.write(Severity::error, file + " is the build that runs again");
    }
    logger_.write(Severity::error,
                  file +
                      " is another build by now than the one that runs: a reload keeps the "
                      "old code; restart nginx, or let it upgrade itself, which drops no "
                      "connection: \"service nginx upgrade\"");
}

}  // namespace momento
