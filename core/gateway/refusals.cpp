#include "gateway/refusals.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace momento {
namespace {

constexpr uint64_t summary_interval_us = 60'000'000;

// What a publish_timestamp looks like that is not of milliseconds, between 2001 and 2286.
constexpr int64_t least_seconds = 1'000'000'000;
constexpr int64_t most_seconds = 10'000'000'000;
constexpr int64_t least_microseconds = 1'000'000'000'000'000;

// What is told of: refusals, and in a dry run whatever the verdict was.
constexpr Verdict refusals[] = {Verdict::forged, Verdict::unsigned_, Verdict::stale,
                                Verdict::early, Verdict::malformed};
constexpr Verdict others[] = {Verdict::accepted, Verdict::verified, Verdict::duplicate};

using Counts = VerdictCounts;

uint64_t read(const Counts& counts, Verdict verdict) {
    return counts[verdict].load(std::memory_order_relaxed);
}

bool has_news(const Counts& counts, const Counts& told, Verdict verdict) {
    return read(counts, verdict) != read(told, verdict);
}

const Counts& counts_of(const WebhookMetrics& metrics, bool dry_run) {
    return dry_run ? metrics.dry_verdicts : metrics.requests;
}

Counts& told_of(WebhookMetrics& metrics, bool dry_run) {
    return dry_run ? metrics.told.dry_verdicts : metrics.told.requests;
}

// Those that met a secret.
uint64_t authentic(const Counts& counts) {
    uint64_t sum = 0;
    for (const Verdict verdict : {Verdict::accepted, Verdict::verified, Verdict::duplicate,
                                  Verdict::stale, Verdict::early, Verdict::malformed}) {
        sum += read(counts, verdict);
    }
    return sum;
}

std::string count_of(uint64_t number, const char* what) {
    return std::to_string(number) + (number == 1 ? " webhook was " : " webhooks were ") + what;
}

std::string seconds(int64_t ms) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(ms) / 1000);
    return text;
}

std::string question(const std::vector<std::string>& secrets) {
    std::string list;
    for (const std::string& name : secrets) {
        if (name != plain_source) list += (list.empty() ? "\"" : ", \"") + name + '"';
    }
    if (list.empty()) return "is its secret this webhook's?";
    return "is " + (secrets.size() > 1 ? "one of " + list : list) + " this webhook's secret?";
}

// What may be the cause.
std::string explain(Verdict verdict, const WebhookSettings& settings, const Counts& counts) {
    switch (verdict) {
        case Verdict::forged: {
            const uint64_t known = authentic(counts);
            if (known == 0) return ", none was accepted: " + question(settings.secrets);
            return ": they met no secret, while " + std::to_string(known) + " did";
        }
        case Verdict::unsigned_:
            return ": without \"Momento-Signature\", or with more than one";
        case Verdict::malformed:
            if (settings.is_gate) return ": authentic, but no events";
            return ": authentic, but no events; \"momentoctl dead cat --reason malformed\" "
                   "shows them";
        default:
            return "";
    }
}

// Of what is stale or early, by the last one.
std::string timing(const WebhookMetrics& metrics, int64_t now_ms) {
    const auto age_ms = static_cast<int64_t>(metrics.untimely_ms.load());
    int64_t published = 0;
    // Time has gone on since: what was published at its end seems to be behind it.
    if (__builtin_sub_overflow(now_ms, age_ms, &published)) published = INT64_MAX;
    std::string text = age_ms < 0 ? ": the last one is of " + seconds(-age_ms) +
                                        " from now (\"momento_webhook_max_ahead\")"
                                  : ": the last one was " + seconds(age_ms) +
                                        " old (\"momento_webhook_max_age\")";
    if (published >= least_seconds && published <= most_seconds) {
        return text + "; its publish_timestamp looks like seconds: milliseconds are meant";
    }
    if (published >= least_microseconds) {
        return text +
               "; its publish_timestamp looks like microseconds or less: milliseconds "
               "are meant";
    }
    return text + "; is the clock of this machine right?";
}

}  // namespace

Refusals::Refusals(const std::vector<WebhookSettings>& webhooks, WebhookTable& table,
                   const Clock& clock, Logger& logger)
    : clock_(clock), logger_(logger) {
    for (const WebhookSettings& settings : webhooks) {
        if (WebhookMetrics* metrics = table.find_or_add(settings.label)) {
            webhooks_.push_back({&settings, metrics});
        }
    }
}

void Refusals::step() {
    for (const Watched& webhook : webhooks_) {
        if (!claim(*webhook.metrics)) continue;
        tell(webhook, false);
        tell(webhook, true);
    }
}

// There is news, it is time, and nobody else tells.
bool Refusals::claim(WebhookMetrics& metrics) const {
    const auto is_news = [&metrics](bool dry_run) {
        return [&metrics, dry_run](Verdict verdict) {
            return has_news(counts_of(metrics, dry_run), told_of(metrics, dry_run), verdict);
        };
    };
    const bool has_any =
        std::any_of(std::begin(refusals), std::end(refusals), is_news(false)) ||
        std::any_of(std::begin(refusals), std::end(refusals), is_news(true)) ||
        std::any_of(std::begin(others), std::end(others), is_news(true));
    if (!has_any) return false;
    const auto now_us = static_cast<uint64_t>(clock_.steady_us());
    uint64_t due_us = metrics.told.due_us;
    return due_us <= now_us &&
           metrics.told.due_us.compare_exchange_strong(due_us, now_us + summary_interval_us);
}

void Refusals::tell(const Watched& webhook, bool dry_run) {
    const auto tell_one = [&](Verdict verdict) {
        const uint64_t count = read(counts_of(*webhook.metrics, dry_run), verdict);
        const uint64_t before = told_of(*webhook.metrics, dry_run)[verdict].exchange(count);
        if (count == before) return;
        logger_.write(Severity::error, describe(webhook, verdict, dry_run, count - before));
    };
    for (const Verdict verdict : refusals) tell_one(verdict);
    if (!dry_run) return;
    for (const Verdict verdict : others) tell_one(verdict);
}

std::string Refusals::describe(const Watched& webhook, Verdict verdict, bool dry_run,
                               uint64_t fresh) const {
    WebhookMetrics& metrics = *webhook.metrics;
    const Counts& counts = counts_of(metrics, dry_run);
    const uint64_t all = read(counts, verdict);
    std::string line = "location \"" + webhook.settings->label + "\": ";
    if (dry_run) line += "dry run: ";
    line += count_of(fresh, verdict_name(verdict));
    line += fresh == all ? " since the start" : ", " + std::to_string(all) + " since the start";
    if (verdict == Verdict::stale || verdict == Verdict::early) {
        return line + timing(metrics, clock_.wall_ms());
    }
    line += explain(verdict, *webhook.settings, counts);
    if (verdict == Verdict::forged && metrics.packed.exchange(0) != 0) {
        line +=
            "; bodies are gzip'ed: nobody signs them so, let nothing in front compress them";
    }
    return line;
}

}  // namespace momento
