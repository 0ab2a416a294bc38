// Plays seeds, or plants bugs and shows that playing seeds finds them.
//
//   simulation [--first N] [--seeds N] [--jobs N] [--report FILE]
//   simulation --bugs [--first N] [--seeds N] [--jobs N] [--report FILE]
//   simulation --seed N [--bug NAME]     one seed, with everything that happens in it
//
// The exit status is 0 if nothing was found that should not be. `--report` writes a JUnit
// report as well.
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "base/enum_table.h"
#include "coverage.h"
#include "spool/planted.h"
#include "world.h"

namespace momento::sim {
namespace {

// A run this long has been everywhere; a shorter one may have left something out.
constexpr uint64_t thorough_seeds = 2'000;

struct PlantedBug {
    Bug bug;
    const char* name;  // of the option, and of the test
};

constexpr PlantedBug planted_bugs[] = {
    {Bug::sync_skipped, "sync-skipped"},
    {Bug::sync_repeated, "sync-repeated"},
    {Bug::directory_sync_skipped, "directory-sync-skipped"},
    {Bug::cursor_unsynced_at_recycling, "cursor-unsynced-at-recycling"},
    {Bug::torn_tail_resumed, "torn-tail-resumed"},
    {Bug::crc_ignored, "crc-ignored"},
    {Bug::crc_without_salt, "crc-without-salt"},
    {Bug::adoption_without_lock, "adoption-without-lock"},
    {Bug::released_before_delivery, "released-before-delivery"},
    {Bug::redrive_marked_before_durable, "redrive-marked-before-durable"},
    {Bug::hold_not_taken_apart, "hold-not-taken-apart"},
    {Bug::adoption_given_up, "adoption-given-up"},
    {Bug::slot_not_set_aside, "slot-not-set-aside"},
    {Bug::gap_ends_log, "gap-ends-log"},
    {Bug::unreadable_is_lost, "unreadable-is-lost"},
    {Bug::shared_segment_reused, "shared-segment-reused"},
    {Bug::blocked_for_good, "blocked-for-good"},
};
static_assert(std::size(planted_bugs) + 1 == enum_count<Bug>, "each but Bug::none");

struct Options {
    bool bugs = false;
    bool one = false;
    uint64_t first = 0;
    uint64_t seeds = 5'000;
    unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
    Bug bug = Bug::none;
    std::string report;
};

[[noreturn]] void refuse(const std::string& what) {
    std::fprintf(stderr, "simulation: %s\n", what.c_str());
    std::exit(2);
}

Bug bug_of(const std::string& name) {
    for (const PlantedBug& each : planted_bugs) {
        if (name == each.name) return each.bug;
    }
    std::string known;
    for (const PlantedBug& each : planted_bugs) known += std::string(" ") + each.name;
    refuse("unknown bug \"" + name + "\", known are" + known);
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--bugs") {
            options.bugs = true;
            continue;
        }
        if (++i == argc) refuse("unknown option, or one without its value: " + name);
        const std::string value = argv[i];
        auto number = [&] {
            char* end = nullptr;
            const uint64_t parsed = std::strtoull(value.c_str(), &end, 10);
            if (value.empty() || *end != '\0') refuse("no number: " + name + " " + value);
            return parsed;
        };
        if (name == "--seeds") {
            options.seeds = number();
        } else if (name == "--first") {
            options.first = number();
        } else if (name == "--seed") {
            options.first = number();
            options.one = true;
        } else if (name == "--jobs") {
            options.jobs = static_cast<unsigned>(std::max<uint64_t>(1, number()));
        } else if (name == "--bug") {
            options.bug = bug_of(value);
        } else if (name == "--report") {
            options.report = value;
        } else {
            refuse("unknown option " + name);
        }
    }
    return options;
}

// --- what the processes of a run share

struct Failure {
    uint64_t seed;
    char what[400];
};

// Lies in memory that was zero and is shared; only what is atomic is written by several.
struct Shared {
    static constexpr size_t most_failures = 20;

    Coverage coverage;
    std::atomic<uint64_t> failed;
    std::array<Failure, most_failures> failures;

    void fail(uint64_t seed, const std::string& what) {
        const uint64_t index = failed++;
        if (index >= failures.size()) return;
        failures[index].seed = seed;
        std::snprintf(failures[index].what, sizeof failures[index].what, "%s", what.c_str());
    }
    uint64_t kept() const { return std::min<uint64_t>(failed, failures.size()); }
};

Shared* share() {
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) refuse("no memory");
    return new (memory) Shared();
}

// Ends this process with SIGPROF if its next seed does not come to an end. A seed takes some
// hundredths of a second.
void limit_seed() {
    itimerval limit{};
    limit.it_value.tv_sec = 60;
    setitimer(ITIMER_PROF, &limit, nullptr);
}

std::string replay(uint64_t seed, const char* bug = nullptr) {
    return "simulation --seed " + std::to_string(seed) +
           (bug == nullptr ? "" : std::string(" --bug ") + bug);
}

// Plays seeds in several processes, a seed in one of them; all of them, or until one fails.
void play(const Options& options, bool until_failure, Shared& shared) {
    std::vector<pid_t> jobs;
    auto* const playing = reinterpret_cast<std::atomic<uint64_t>*>(
        mmap(nullptr, options.jobs * sizeof(std::atomic<uint64_t>), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (playing == MAP_FAILED) refuse("no memory");
    std::fflush(stdout);
    for (unsigned job = 0; job < options.jobs; ++job) {
        const pid_t pid = fork();
        if (pid < 0) refuse("cannot fork");
        if (pid > 0) {
            jobs.push_back(pid);
            continue;
        }
        for (uint64_t i = job; i < options.seeds; i += options.jobs) {
            if (until_failure && shared.failed > 0) break;
            const uint64_t seed = options.first + i;
            playing[job] = seed;
            limit_seed();
            const Outcome outcome = play_seed(seed, shared.coverage, false);
            if (!outcome.violations.empty()) shared.fail(seed, outcome.violations.front());
        }
        std::_Exit(0);
    }
    for (unsigned job = 0; job < options.jobs; ++job) {
        int status = 0;
        waitpid(jobs[job], &status, 0);
        if (WIFSIGNALED(status)) {
            shared.fail(playing[job],
                        std::string("the process ended: ") + strsignal(WTERMSIG(status)));
        }
    }
    munmap(playing, options.jobs * sizeof(std::atomic<uint64_t>));
}

// --- reports

struct Test {
    std::string name;
    std::string failure;  // empty: passed
};

std::string escape(const std::string& text) {
    std::string escaped;
    for (char c : text) {
        switch (c) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            default:
                escaped += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
        }
    }
    return escaped;
}

void write_report(const std::string& path, const char* run, const std::vector<Test>& tests) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (file == nullptr) refuse("cannot write \"" + path + "\"");
    std::fprintf(file, "<testsuites><testsuite name=\"simulation\">\n");
    for (const Test& test : tests) {
        std::fprintf(file, "<testcase classname=\"%s\" name=\"%s\">", run,
                     escape(test.name).c_str());
        if (!test.failure.empty()) {
            std::fprintf(file, "<failure message=\"%s\"/>", escape(test.failure).c_str());
        }
        std::fprintf(file, "</testcase>\n");
    }
    std::fprintf(file, "</testsuite></testsuites>\n");
    std::fclose(file);
}

int finish(const Options& options, const char* run, const std::vector<Test>& tests) {
    if (!options.report.empty()) write_report(options.report, run, tests);
    int status = 0;
    for (const Test& test : tests) {
        if (test.failure.empty()) continue;
        std::printf("failed: %s: %s\n", test.name.c_str(), test.failure.c_str());
        status = 1;
    }
    return status;
}

// --- the three things that can be done

int play_one(const Options& options) {
    auto coverage = std::make_unique<Coverage>();
    planted_bug = options.bug;
    const Outcome outcome = play_seed(options.first, *coverage, true);
    for (const std::string& line : outcome.story) std::printf("%s\n", line.c_str());
    for (const std::string& line : outcome.violations) std::printf("%s\n", line.c_str());
    return outcome.violations.empty() ? 0 : 1;
}

int play_many(const Options& options) {
    Shared& shared = *share();
    play(options, false, shared);
    std::printf("%s", shared.coverage.table().c_str());

    Test promise{std::to_string(options.seeds) + " seeds keep the promise", ""};
    for (uint64_t i = 0; i < shared.kept(); ++i) {
        const Failure& failure = shared.failures[i];
        std::printf("seed %llu: %s\n  replay it with %s\n",
                    static_cast<unsigned long long>(failure.seed), failure.what,
                    replay(failure.seed).c_str());
    }
    if (shared.failed > 0) {
        promise.failure = std::to_string(shared.failed) + " seeds do not, as \"" +
                          replay(shared.failures[0].seed) +
                          "\" shows: " + shared.failures[0].what;
    }
    std::vector<Test> tests{promise};
    if (options.seeds >= thorough_seeds) {
        Test everywhere{"every crash point and every fault was hit", ""};
        for (const std::string& gap : shared.coverage.gaps()) {
            everywhere.failure += (everywhere.failure.empty() ? "not: " : ", ") + gap;
        }
        tests.push_back(everywhere);
    }
    return finish(options, "seeds", tests);
}

int plant_bugs(const Options& options) {
    std::vector<Test> tests;
    for (const PlantedBug& each : planted_bugs) {
        Shared& shared = *share();
        planted_bug = each.bug;
        play(options, true, shared);
        Test test{std::string("catches ") + each.name, ""};
        if (shared.failed == 0) {
            test.failure = "not in " + std::to_string(options.seeds) + " seeds";
        } else {
            std::printf("%s: caught by \"%s\": %s\n", each.name,
                        replay(shared.failures[0].seed, each.name).c_str(),
                        shared.failures[0].what);
        }
        tests.push_back(test);
    }
    return finish(options, "bugs", tests);
}

}  // namespace
}  // namespace momento::sim

int main(int argc, char** argv) {
    using namespace momento::sim;
    const Options options = parse(argc, argv);
    if (options.one) return play_one(options);
    return options.bugs ? plant_bugs(options) : play_many(options);
}
