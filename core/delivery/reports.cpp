#include "delivery/reports.h"

#include <algorithm>

namespace momento {
namespace {

constexpr int64_t interval_us = 1'000'000;

struct Wording {
    Severity severity;
    const char* text;
};

using Fate = Reports::Fate;

constexpr auto wordings = enum_table<Fate, Wording>({
    {Fate::retried, {Severity::warn, "to be sent again"}},
    {Fate::refused, {Severity::error, "refused for good, now dead letters"}},
    {Fate::exhausted, {Severity::error, "given up after too long, now dead letters"}},
    {Fate::held, {Severity::error, "held while others get through"}},
    {Fate::unstored,
     {Severity::alert,
      "held because their dead letters cannot be stored: make room for them (momentoctl dead "
      "ls)"}},
    {Fate::kept, {Severity::error, "left in the spool, the queue does not take them"}},
    {Fate::unread, {Severity::alert, "waiting because the spool does not give them back"}},
});

}  // namespace

void Reports::changed(Severity severity, const std::string& line) {
    logger_.write(severity, prefix_ + line);
}

void Reports::note(Fate fate, const std::string& code, const std::string& request_id) {
    Tally& tally = tallies_[fate];
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
    for (const Fate fate : each<Fate>()) {
        Tally& tally = tallies_[fate];
        if (tally.fresh == 0) continue;
        severity = std::min(severity, wordings[fate].severity);  // the gravest comes first
        line += line.empty() ? ": " : "; ";
        line += std::to_string(tally.fresh) + (tally.fresh == 1 ? " event " : " events ") +
                wordings[fate].text;
        if (!tally.example.empty()) line += " (" + tally.example + ")";
        if (tally.total > tally.fresh) line += ", " + std::to_string(tally.total) + " in all";
        tally.fresh = 0;
    }
    changed(severity, line);
}

}  // namespace momento
