// What verifying one webhook costs, by the size of its body in bytes.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "destination/putevents.h"
#include "ingest/keccak_lanes.h"
#include "ingest/payload.h"
#include "ingest/secrets.h"
#include "ingest/signature.h"
#include "ingest/verifier.h"

namespace momento {
namespace {

constexpr const char* secret = "1234567890";
constexpr int64_t now = 1'704'296'470'600;

// An event of `size` bytes, with the padding that parsing needs behind it.
class Event {
  public:
    explicit Event(size_t size) : bytes_(head), size_(size) {
        bytes_.append(size - bytes_.size() - 2, 'x').append("\"}");
        bytes_.append(body_padding, '\0');
        signature_ = format_signature(Signer::create(secret)->sign(body()));
    }
    std::string_view body() const { return std::string_view(bytes_).substr(0, size_); }
    std::string_view signature() const { return signature_; }

  private:
    static constexpr const char* head =
        R"({"cache":"chat","topic":"room-281","event_timestamp":1704296470564,)"
        R"("publish_timestamp":1704296470565,"topic_sequence_number":1,)"
        R"("token_id":"mo-the-squirrel","text":")";
    std::string bytes_;
    size_t size_;
    std::string signature_;
};

void count(benchmark::State& state) {
    state.SetBytesProcessed(state.iterations() * state.range(0));
}

void sign(benchmark::State& state) {
    Event event(static_cast<size_t>(state.range(0)));
    auto signer = Signer::create(secret);
    for (auto _ : state) benchmark::DoNotOptimize(signer->sign(event.body()));
    count(state);
}

void parse(benchmark::State& state) {
    Event event(static_cast<size_t>(state.range(0)));
    PayloadParser parser;
    for (auto _ : state) benchmark::DoNotOptimize(parser.parse(event.body(), putevents_limits));
    count(state);
}

void peek(benchmark::State& state) {
    Event event(static_cast<size_t>(state.range(0)));
    PayloadParser parser;
    for (auto _ : state) benchmark::DoNotOptimize(parser.peek(event.body()));
    count(state);
}

// Signatures of a batch of eight bodies, in lanes of one instruction set.
void sign_eight(benchmark::State& state, const KeccakLanes* lanes) {
    if (lanes == nullptr) {
        state.SkipWithError("this machine has no such instruction set");
        return;
    }
    Event event(static_cast<size_t>(state.range(0)));
    HmacKey key(*lanes, secret);
    std::array<Mac, 8> macs;
    std::vector<LaneMessage> messages;
    for (Mac& mac : macs) messages.push_back({&key, event.body(), mac.data()});
    for (auto _ : state) {
        sign_in_lanes(*lanes, messages.data(), messages.size());
        benchmark::DoNotOptimize(macs);
    }
    state.SetItemsProcessed(state.iterations() * 8);
    state.SetBytesProcessed(state.iterations() * 8 * state.range(0));
}

void sign_eight_one_at_a_time(benchmark::State& state) {
    Event event(static_cast<size_t>(state.range(0)));
    auto signer = Signer::create(secret);
    for (auto _ : state) {
        for (int i = 0; i < 8; ++i) benchmark::DoNotOptimize(signer->sign(event.body()));
    }
    state.SetItemsProcessed(state.iterations() * 8);
    state.SetBytesProcessed(state.iterations() * 8 * state.range(0));
}

// Signature, payload and freshness of a number of webhooks that became complete together,
// and whose location has these secrets.
void verify_with(benchmark::State& state, const std::vector<SecretBinding>& secrets,
                 size_t count = 1) {
    Event event(static_cast<size_t>(state.range(0)));
    auto ring = Keyring::create(secrets);
    const Claim claim{&*ring, event.body(), *parse_signature(event.signature())};
    const Rules rules{{}, putevents_limits};
    Verifier verifier;
    for (auto _ : state) {
        std::vector<Claim> claims(count, claim);
        verifier.match(claims.data(), count);
        for (const Claim& each : claims) {
            if (verifier.judge(each, rules, now).verdict != Verdict::accepted) {
                state.SkipWithError("the event was refused");
                return;
            }
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(count));
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(count) * state.range(0));
}

void verify(benchmark::State& state) {
    verify_with(state, {{"plain", "", "", SecretValue(secret)}});
}

void verify_eight(benchmark::State& state) {
    verify_with(state, {{"plain", "", "", SecretValue(secret)}}, 8);
}

void verify_among_500_bound(benchmark::State& state) {
    std::vector<SecretBinding> secrets;
    for (int i = 0; i < 500; ++i) {
        secrets.push_back({"plain", "chat", "room-" + std::to_string(i), SecretValue(secret)});
    }
    verify_with(state, secrets);
}

BENCHMARK(sign)->Arg(400)->Arg(4096);
BENCHMARK(sign_eight_one_at_a_time)->Arg(400)->Arg(4096);
BENCHMARK_CAPTURE(sign_eight, avx512, avx512_lanes())->Arg(400)->Arg(4096);
BENCHMARK_CAPTURE(sign_eight, avx2, avx2_lanes())->Arg(400)->Arg(4096);
BENCHMARK(parse)->Arg(400)->Arg(4096);
BENCHMARK(peek)->Arg(400)->Arg(4096);
BENCHMARK(verify)->Arg(400)->Arg(4096);
BENCHMARK(verify_eight)->Arg(400)->Arg(4096);
BENCHMARK(verify_among_500_bound)->Arg(400)->Arg(4096);

}  // namespace
}  // namespace momento
