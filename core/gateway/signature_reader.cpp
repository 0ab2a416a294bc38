#include "gateway/signature_reader.h"

#include <utility>

namespace momento {

namespace {

// So many at a time are remembered by the event loop in one go, under the zone's lock.
constexpr size_t batch_size = 1'000;

}  // namespace

SignatureReader::SignatureReader(std::string spool, FileSystem& files, Logger& logger,
                                 ThreadGroup& threads, std::function<void()> wake_event_loop)
    : spool_(std::move(spool)),
      files_(files),
      logger_(logger),
      threads_(threads),
      batches_(std::move(wake_event_loop)) {}

bool SignatureReader::start(int64_t since_ms) {
    return threads_.start("momento-replay", [this, since_ms] { read(since_ms); });
}

void SignatureReader::read(int64_t since_ms) {
    SignatureBatch batch;
    const Status read = visit_signatures(files_, spool_, since_ms, logger_,
                                         [&](const AcceptedSignature& signature) {
                                             batch.signatures.push_back(signature);
                                             if (batch.signatures.size() == batch_size) {
                                                 batches_.post(std::exchange(batch, {}));
                                             }
                                             return !stopping_.load();
                                         });
    if (!read) {
        logger_.write(Severity::alert,
                      "cannot read back which signatures were accepted: " + read.error().text);
    }
    batch.is_last = true;
    batch.failed = !read || stopping_.load();
    batches_.post(std::move(batch));
}

void SignatureReader::collect(const Deliver& deliver) {
    batches_.take(taken_);
    for (const SignatureBatch& batch : taken_) deliver(batch);
}

}  // namespace momento
