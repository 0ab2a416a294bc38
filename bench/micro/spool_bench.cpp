// What the spool costs: its checksum and records in memory, appending and reading on the
// disk of the current directory (or of TMPDIR).
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "spool/reader.h"
#include "spool/slots.h"
#include "spool/writer.h"

namespace momento {
namespace {

Record event(std::string_view body) {
    Record record;
    record.accepted_ms = 1'700'000'000'000;
    record.publish_ms = record.accepted_ms - 20;
    record.cache = "cache";
    record.topic = "topic";
    record.body = body;
    return record;
}

void crc(benchmark::State& state, uint32_t (*function)(uint32_t, const void*, size_t)) {
    std::string data(static_cast<size_t>(state.range(0)), 'x');
    for (auto _ : state) benchmark::DoNotOptimize(function(0, data.data(), data.size()));
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(crc, chosen, crc32c)->Arg(512)->Arg(4096)->Arg(262'144);
BENCHMARK_CAPTURE(crc, portable, crc32c_portable)->Arg(512)->Arg(4096);

void record_sealed(benchmark::State& state) {
    std::string body(static_cast<size_t>(state.range(0)), 'x');
    RecordBuffer buffer = RecordBuffer::from(event(body));
    Salt salt{1, 2, 3};
    uint64_t sequence = 0;
    for (auto _ : state) {
        buffer.seal(salt, ++sequence, 4096);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(record_sealed)->Arg(386)->Arg(4096);

void record_decoded(benchmark::State& state) {
    std::string body(static_cast<size_t>(state.range(0)), 'x');
    RecordBuffer buffer = RecordBuffer::from(event(body));
    Salt salt{1, 2, 3};
    buffer.seal(salt, 1, 4096);
    for (auto _ : state) benchmark::DoNotOptimize(decode_record(buffer.bytes(), salt));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(record_decoded)->Arg(386)->Arg(4096);

void release_in_order(benchmark::State& state) {
    Cursor cursor;
    cursor.note_appended(UINT64_MAX / 2, 0);
    uint64_t sequence = 0;
    for (auto _ : state) cursor.release({++sequence, {1, sequence}, Resolution::delivered});
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(release_in_order);

void cursor_encoded(benchmark::State& state) {
    CursorState cursor;
    for (auto _ : state) benchmark::DoNotOptimize(encode_cursor(cursor));
}
BENCHMARK(cursor_encoded);

class Silence final : public Logger {
  public:
    void write(Severity, std::string) override {}
};

// A log in a directory of its own, with its spares made.
class BenchedLog {
  public:
    explicit BenchedLog(SyncMode sync) {
        const char* parent = std::getenv("TMPDIR");
        std::string pattern = std::string(parent ? parent : ".") + "/spool-bench-XXXXXX";
        path_ = mkdtemp(pattern.data());
        auto settings = std::make_shared<SpoolSettings>();
        settings->path = path_;
        settings->sync = sync;
        auto slots =
            std::make_shared<Slots>(path_, "bus", system_files(), system_random(), silence_);
        WriterTools tools;
        tools.clock = &system_clock();
        tools.random = &system_random();
        tools.logger = &silence_;
        log = std::make_shared<Log>([] {}, [] {});
        writer = std::make_unique<Writer>(log, settings, slots, nullptr, tools);
        append(1, "first");
        while (writer->step()) {
        }
    }
    ~BenchedLog() { std::filesystem::remove_all(path_); }

    void append(size_t count, const std::string& body) {
        AppendBatch batch;
        for (size_t i = 0; i < count; ++i) {
            batch.records.push_back(RecordBuffer::from(event(body)));
        }
        log->append(std::move(batch));
        writer->step();
    }

    Logger& logger() { return silence_; }

    std::shared_ptr<Log> log;
    std::unique_ptr<Writer> writer;

  private:
    std::string path_;
    Silence silence_;
};

// Appends batches of records of 386 bytes, delivering as it goes: the steady state.
void log_appended(benchmark::State& state, SyncMode sync) {
    BenchedLog benched(sync);
    Reader reader(benched.log, benched.logger(), system_clock());
    std::string body(386, 'x');
    auto count = static_cast<size_t>(state.range(0));
    std::vector<ReadRecord> records;
    std::vector<Release> damaged;
    for (auto _ : state) {
        benched.append(count, body);
        state.PauseTiming();
        records.clear();
        reader.read(count, SIZE_MAX, records, damaged);
        std::vector<Release> releases;
        for (const ReadRecord& read : records) {
            releases.push_back({read.record.sequence, read.end, Resolution::delivered});
        }
        benched.log->release(std::move(releases));
        state.ResumeTiming();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(log_appended, sync_always, SyncMode::always)
    ->Arg(1)
    ->Arg(10)
    ->Arg(100)
    ->UseRealTime();
BENCHMARK_CAPTURE(log_appended, sync_os, SyncMode::os)->Arg(1)->Arg(100)->UseRealTime();

void log_read(benchmark::State& state) {
    BenchedLog benched(SyncMode::os);
    std::string body(386, 'x');
    constexpr size_t count = 16'000;  // within the cursor's window
    for (size_t i = 0; i < count; i += 100) benched.append(100, body);
    std::vector<ReadRecord> records;
    std::vector<Release> damaged;
    for (auto _ : state) {
        Reader reader(benched.log, benched.logger(), system_clock());
        size_t read = 0;
        do {
            records.clear();
            reader.read(100, SIZE_MAX, records, damaged);
            read += records.size();
        } while (!records.empty());
        if (read < count) state.SkipWithError("records are missing");
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(count));
}
BENCHMARK(log_read)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace momento
