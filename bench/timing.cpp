// Does the time of a comparison tell where the first wrong byte is? A statistical test in
// the way of dudect (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant time?", DATE
// 2017): two classes of forged MACs in random order, Welch's t-test on the measured times.
//
//   timing [--samples=1000000] [--seed=1]
//
// Comparisons that leave at the first difference are tested, too: a test that does not find
// them proves nothing. Exit status: 0 as it should be, 1 not.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "ingest/payload.h"
#include "ingest/secrets.h"
#include "ingest/signature.h"

namespace {

using namespace momento;

// dudect's: above 10 the times differ for certain, below 4.5 nothing says that they do.
constexpr double certain = 10;
constexpr double suspicious = 4.5;

// Interrupts are in the slowest samples: the test is done without more and more of them.
constexpr std::array<double, 6> kept_shares = {1.0, 0.99, 0.95, 0.9, 0.75, 0.5};

uint64_t ticks() {
#if defined(__x86_64__)
    unsigned cpu;
    _mm_lfence();
    const uint64_t now = __rdtscp(&cpu);
    _mm_lfence();
    return now;
#else
    return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

// Mean and variance in one pass (Welford).
struct Moments {
    double count = 0;
    double mean = 0;
    double squares = 0;

    void add(double value) {
        ++count;
        const double delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
    }
    double variance() const { return squares / (count - 1); }
};

struct Sample {
    uint64_t time;
    bool varied;
};

struct Outcome {
    double t = 0;                  // the largest, over all shares
    double fixed = 0, varied = 0;  // means of the faster half
};

Outcome judge(std::vector<Sample>& samples) {
    std::sort(samples.begin(), samples.end(),
              [](const Sample& a, const Sample& b) { return a.time < b.time; });
    Outcome outcome;
    for (double share : kept_shares) {
        // A cut between equal times would favour a class.
        const auto wanted = static_cast<size_t>(share * static_cast<double>(samples.size()));
        const uint64_t limit = samples[wanted - 1].time;
        Moments classes[2];
        for (const Sample& sample : samples) {
            if (sample.time > limit) break;
            classes[sample.varied ? 1 : 0].add(static_cast<double>(sample.time));
        }
        const auto& [fixed, varied] = classes;
        const double error =
            std::sqrt(fixed.variance() / fixed.count + varied.variance() / varied.count);
        const double t = error > 0 ? (fixed.mean - varied.mean) / error : 0;
        if (std::abs(t) > std::abs(outcome.t)) outcome.t = t;
        outcome.fixed = fixed.mean;
        outcome.varied = varied.mean;
    }
    return outcome;
}

// Measures `compare` on forged copies of `right`: the first wrong byte is byte 0, or any.
Outcome measure(const Mac& right, size_t count, uint64_t seed, size_t repeats,
                const std::function<void(const Mac&)>& compare) {
    std::mt19937_64 random(seed);
    std::vector<Sample> samples;
    samples.reserve(count);
    struct Input {
        Mac mac;
        bool varied;
    };
    std::array<Input, 1000> inputs;
    while (samples.size() < count) {
        for (Input& input : inputs) {
            input.varied = random() % 2 == 1;
            const size_t any = random() % mac_size;
            const size_t first = input.varied ? any : 0;
            input.mac = right;
            for (size_t i = first; i < mac_size; ++i) {
                input.mac[i] = static_cast<uint8_t>(random());
            }
            input.mac[first] = static_cast<uint8_t>(right[first] ^ (1 + random() % 255));
        }
        for (const Input& input : inputs) {
            const uint64_t start = ticks();
            for (size_t i = 0; i < repeats; ++i) compare(input.mac);
            samples.push_back({ticks() - start, input.varied});
        }
    }
    return judge(samples);
}

// As a careless programmer would write it. Not memcmp: that compares 32 bytes at once where
// it can.
bool equal_early_exit(const Mac& a, const Mac& b) {
    for (size_t i = 0; i < mac_size; ++i) {
        if (a[i] != b[i]) return false;
    }
    return true;
}

template <class Value>
void keep(const Value& value) {
    asm volatile("" : : "r"(&value) : "memory");
}

size_t read_option(int count, char** arguments, std::string_view name, size_t otherwise) {
    for (int i = 1; i < count; ++i) {
        const std::string_view argument = arguments[i];
        if (argument.substr(0, name.size()) == name) {
            return std::strtoull(arguments[i] + name.size(), nullptr, 10);
        }
    }
    return otherwise;
}

}  // namespace

int main(int argument_count, char** arguments) {
    const size_t count = read_option(argument_count, arguments, "--samples=", 1'000'000);
    const size_t seed = read_option(argument_count, arguments, "--seed=", 1);

    SecretBinding secret;
    secret.name = "plain";
    secret.value = SecretValue("1234567890");
    const auto keyring = Keyring::create({secret});
    const auto signer = Signer::create("1234567890");
    std::string padded = R"({"cache":"chat","topic":"room-281","publish_timestamp":1})";
    const size_t size = padded.size();
    padded.append(body_padding, '\0');
    const std::string_view body(padded.data(), size);
    const Mac right = signer->sign(body);

    struct Subject {
        const char* name;
        bool leaks;
        size_t repeats;  // in one sample: what is too short to be measured is done again
        std::function<void(const Mac&)> compare;
    };
    const Subject subjects[] = {
        {"equal_macs()", false, 8, [&](const Mac& mac) { keep(equal_macs(mac, right)); }},
        {"Keyring::match()", false, 1,
         [&](const Mac& mac) {
             Claim claim{&*keyring, body, mac};
             Keyring::match(&claim, 1);
             keep(claim.secret);
         }},
        {"planted: early exit", true, 8,
         [&](const Mac& mac) { keep(equal_early_exit(mac, right)); }},
        {"planted: signature, early exit", true, 1,
         [&](const Mac& mac) { keep(equal_early_exit(mac, signer->sign(body))); }},
    };

    bool as_it_should_be = true;
    std::printf("%-32s %10s %10s %10s %8s  %s\n", "comparison", "samples", "byte 0", "any byte",
                "t", "times");
    for (const Subject& subject : subjects) {
        const Outcome outcome = measure(right, count, seed, subject.repeats, subject.compare);
        const double t = std::abs(outcome.t);
        const bool leaks = t > certain;
        as_it_should_be = as_it_should_be && leaks == subject.leaks;
        const char* verdict = leaks            ? "differ"
                              : t > suspicious ? "may differ: more samples"
                                               : "do not differ";
        std::printf("%-32s %10zu %10.1f %10.1f %8.2f  %s\n", subject.name, count, outcome.fixed,
                    outcome.varied, outcome.t, verdict);
    }
    return as_it_should_be ? 0 : 1;
}
