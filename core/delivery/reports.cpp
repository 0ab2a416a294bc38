#include "delivery/reports.h"

#include <algorithm>

namespace momento {
namespace {

constexpr int64_t interval_us = 1'000'000;

struct Wording {
    Severity severity;
    const char* text;
};

// In the order of Reports::Fate.
constexpr Wording wordings[] = {
    {Severity::warn, "to be sent again"},
    {Severity::error, "refused for good, now dead letters"},
    {Severity::error, "given up after too long, now dead letters"},
    {Severity::error, "held while others get through"},
    {Severity::alert,
     "held because their dead letters cannot be stored: make room for them (momentoctl dead "
     "ls)"},
    {Severity::error, "left in the spool, the queue does not take them"},
    {Severity::alert, "waiting because the spool does not give them back"},
};

}  // namespace

void Reports::changed(Severity severity, const std::string& line) {
    logger_.write(severity, prefix_ + line);
}

void Reports::note(Fate fate, const std::string& code, const std::string& request_id) {
    Tally& tally = tallies_[static_cast<size_t>(fate)];
    ++tally.total;
    noted_ = true;
    if (tally.fresh++ > 0) return;
    tally.example = code;
    if (!request_id.empty()) tally.example += ", request id " + request_id;
}

void Reports::step(int64_t now_us) {
    if (!noted_ || now_us < next_us_) return;
    noted_ = false;
    next_us_ = now_us + interval_us;

    Severity severity = Severity::info;
    std::string line;
    for (size_t i = 0; i < tallies_.size(); ++i) {
        Tally& tally = tallies_[i];
        if (tally.fresh == 0) continue;
        severity = std::min(severity, wordings[i].severity);  // the gravest comes first
        line += line.empty() ? ": " : "; ";
        line += std::to_string(tally.fresh) + (tally.fresh == 1 ? " event " : " events ") +
                wordings[i].text;
        if (!tally.example.empty()) line += " (" + tally.example + ")";
        if (tally.total > tally.fresh) line += ", " + std::to_string(tally.total) + " in all";
        tally.fresh = 0;
    }
    changed(severity, line);
}

}  // namespace momento
