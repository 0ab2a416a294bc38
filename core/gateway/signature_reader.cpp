#include "gateway/signature_reader.h"

#include <utility>

namespace momento {

namespace {

// So many at a time are remembered by the event loop in one go, under the zone's lock.
constexpr size_t batch_size = 1'000;

constexpr int patience = 20;
constexpr std::chrono::milliseconds between_readings{100};

}  // namespace

SignatureReader::SignatureReader(std::string spool, FileSystem& files, Logger& logger,
                                 ThreadGroup& threads, std::function<void()> wake_event_loop)
    : spool_(std::move(spool)),
      files_(files),
      logger_(logger),
      threads_(threads),
      wake_event_loop_(wake_event_loop),
      batches_(std::move(wake_event_loop)) {}

bool SignatureReader::start(int64_t since_ms, bool patiently) {
    return threads_.start("momento-replay",
                          [this, since_ms, patiently] { read(since_ms, patiently); });
}

void SignatureReader::stop() {
    const std::lock_guard lock(mutex_);
    stopping_.store(true);
    stopped_.notify_all();
}

bool SignatureReader::is_stopped_within(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return stopped_.wait_for(lock, time, [this] { return stopping_.load(); });
}

// Whoever waits for its end hears of it, whatever that is.
void SignatureReader::read(int64_t since_ms, bool patiently) {
    try {
        read_all(since_ms, patiently);
    } catch (...) {
        broken_.store(true);
        wake_event_loop_();
        throw;
    }
}

void SignatureReader::read_all(int64_t since_ms, bool patiently) {
    SignatureBatch last;
    Status read;
    for (int round = 0; round < patience; ++round) {
        bool in_doubt = false;
        read = read_once(since_ms, &last, &in_doubt);
        if (!read || !in_doubt || !patiently || is_stopped_within(between_readings)) break;
    }
    if (!read) {
        logger_.write(Severity::alert,
                      "cannot read back which signatures were accepted: " + read.error().text);
    }
    last.is_last = true;
    last.failed = !read || stopping_.load();
    batches_.post(std::move(last));
}

// Posts whole batches; what is left is in `batch`.
Status SignatureReader::read_once(int64_t since_ms, SignatureBatch* batch, bool* in_doubt) {
    return visit_signatures(files_, spool_, since_ms, logger_,
                            [&](const AcceptedSignature& signature) {
                                *in_doubt = *in_doubt || signature.in_doubt;
                                batch->signatures.push_back(signature);
                                if (batch->signatures.size() == batch_size) {
                                    batches_.post(std::exchange(*batch, {}));
                                }
                                return !stopping_.load();
                            });
}

void SignatureReader::collect(const Deliver& deliver) {
    batches_.take(taken_);
    for (const SignatureBatch& batch : taken_) deliver(batch);
    if (!broken_.exchange(false)) return;
    SignatureBatch last;
    last.is_last = true;
    last.failed = true;
    deliver(last);
}

}  // namespace momento
