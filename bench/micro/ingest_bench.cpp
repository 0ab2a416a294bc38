// What verifying one webhook costs, by the size of its body in bytes.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingest/freshness.h"
#include "ingest/payload.h"
#include "ingest/secrets.h"
#include "ingest/signature.h"

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
    for (auto _ : state) benchmark::DoNotOptimize(parser.parse(event.body()));
    count(state);
}

void peek(benchmark::State& state) {
    Event event(static_cast<size_t>(state.range(0)));
    PayloadParser parser;
    for (auto _ : state) benchmark::DoNotOptimize(parser.peek(event.body()));
    count(state);
}

// Signature, payload and freshness, as for one webhook whose location has these secrets.
void verify_with(benchmark::State& state, const std::vector<SecretBinding>& secrets) {
    Event event(static_cast<size_t>(state.range(0)));
    auto ring = Keyring::create(secrets);
    PayloadParser parser;
    for (auto _ : state) {
        auto mac = parse_signature(event.signature());
        auto seen = ring->has_bound() ? parser.peek(event.body()) : std::nullopt;
        int matched = ring->match(event.body(), *mac, seen ? &seen->cache : nullptr,
                                  seen ? &seen->topic : nullptr);
        auto payload = parser.parse(event.body());
        if (matched < 0 || !payload ||
            judge_freshness(payload->publish_timestamp, now, {}) != Freshness::fresh) {
            state.SkipWithError("the event was refused");
            break;
        }
    }
    count(state);
}

void verify(benchmark::State& state) {
    verify_with(state, {{"plain", "", "", SecretValue(secret)}});
}

void verify_among_500_bound(benchmark::State& state) {
    std::vector<SecretBinding> secrets;
    for (int i = 0; i < 500; ++i) {
        secrets.push_back({"plain", "chat", "room-" + std::to_string(i), SecretValue(secret)});
    }
    verify_with(state, secrets);
}

BENCHMARK(sign)->Arg(400)->Arg(4096);
BENCHMARK(parse)->Arg(400)->Arg(4096);
BENCHMARK(peek)->Arg(400)->Arg(4096);
BENCHMARK(verify)->Arg(400)->Arg(4096);
BENCHMARK(verify_among_500_bound)->Arg(400)->Arg(4096);

}  // namespace
}  // namespace momento
