// Reads back from the spool which signatures were accepted, on a thread of its own: it may
// take seconds, and neither the event loop nor delivery can wait for it.
//
// The event loop asks with start() and hears of it from collect(), after a wake-up.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/logger.h"
#include "base/mailbox.h"
#include "gateway/threads.h"
#include "spool/replay_ids.h"

namespace momento {

struct SignatureBatch {
    std::vector<AcceptedSignature> signatures;
    bool is_last = false;  // of this reading
    bool failed = false;   // the last one only: the spool could not be read
};

class SignatureReader {
  public:
    using Deliver = std::function<void(const SignatureBatch&)>;

    // Whatever is given outlives the threads.
    SignatureReader(std::string spool, FileSystem& files, Logger& logger, ThreadGroup& threads,
                    std::function<void()> wake_event_loop);

    // Reads those of events that were published at `since_ms` or later. Only when the last
    // reading has delivered its last batch. False if the system has no thread to give.
    //
    // `patiently`: reads again, for two seconds at most, while some are in doubt.
    bool start(int64_t since_ms, bool patiently);

    void collect(const Deliver& deliver);

    // A reading that goes on ends soon. From any thread.
    void stop();

  private:
    void read(int64_t since_ms, bool patiently);
    void read_all(int64_t since_ms, bool patiently);
    Status read_once(int64_t since_ms, SignatureBatch* batch, bool* in_doubt);
    bool is_stopped_within(std::chrono::milliseconds time);

    const std::string spool_;
    FileSystem& files_;
    Logger& logger_;
    ThreadGroup& threads_;
    const std::function<void()> wake_event_loop_;
    Mailbox<SignatureBatch> batches_;
    std::atomic<bool> broken_{false};  // it ended by an exception, without a last batch
    std::vector<SignatureBatch> taken_;
    std::mutex mutex_;
    std::condition_variable stopped_;
    std::atomic<bool> stopping_{false};
};

}  // namespace momento
