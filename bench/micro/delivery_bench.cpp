// What the delivery thread pays for ten events: the request's body, and the answer's.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "destination/file.h"
#include "destination/json_escape.h"
#include "destination/putevents.h"

namespace momento {
namespace {

std::string body_of(size_t size) {
    std::string body =
        R"({"cache":"sample-a","topic":"sample-a","event_timestamp":1705157775308,)"
        R"("publish_timestamp":1705157775308,"topic_sequence_number":2,"token_id":"","text":")";
    while (body.size() + 2 < size)
        body += R"({\"user\":\"someone\",\"text\":\"hello, world\"} )";
    return body + "\"}";
}

Record event(const std::string& body) {
    Record record;
    record.cache = "sample-a";
    record.topic = "sample-a";
    record.accepted_ms = 1'705'157'776'123;
    record.body = body;
    return record;
}

void set_events(benchmark::State& state, size_t events, size_t bytes) {
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(events));
    state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}

void encode_ten(benchmark::State& state) {
    std::string body = body_of(static_cast<size_t>(state.range(0)));
    std::vector<Record> records(10, event(body));
    std::vector<const Record*> batch;
    for (const Record& record : records) batch.push_back(&record);
    PutEventsEncoder encoder("Momento", "default");
    for (auto _ : state) benchmark::DoNotOptimize(encoder.encode(batch));
    set_events(state, 10, 10 * body.size());
}
BENCHMARK(encode_ten)->Arg(400)->Arg(4096)->Arg(65536);

void escape(benchmark::State& state) {
    std::string text(static_cast<size_t>(state.range(0)), 'x');
    for (auto _ : state) {
        std::string json;
        append_escaped(json, text);
        benchmark::DoNotOptimize(json);
    }
    set_events(state, 1, text.size());
}
BENCHMARK(escape)->Arg(4096);

void read_answer_of_ten(benchmark::State& state) {
    HttpResult http;
    http.response.status = 200;
    http.response.body = R"({"FailedEntryCount":0,"Entries":[)";
    for (int i = 0; i < 10; ++i) {
        if (i > 0) http.response.body += ',';
        http.response.body += R"({"EventId":"11710aed-b79e-4468-a20b-bb3c0c3b4860"})";
    }
    http.response.body += "]}";
    for (auto _ : state) benchmark::DoNotOptimize(read_putevents_answer(http, 10));
    set_events(state, 10, http.response.body.size());
}
BENCHMARK(read_answer_of_ten);

void file_line(benchmark::State& state) {
    std::string body = body_of(400);
    Record record = event(body);
    FileSettings settings;
    std::string out;
    for (auto _ : state) {
        out.clear();
        FileDestination::append_line(out, record, settings);
        benchmark::DoNotOptimize(out);
    }
    set_events(state, 1, body.size());
}
BENCHMARK(file_line);

}  // namespace
}  // namespace momento
