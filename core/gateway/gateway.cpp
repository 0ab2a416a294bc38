#include "gateway/gateway.h"

#include <curl/curl.h>
#include <sys/eventfd.h>

#include <atomic>
#include <chrono>
#include <utility>

#include "base/descriptor.h"
#include "base/doorbell.h"
#include "base/mailbox.h"
#include "gateway/thread_crew.h"
#include "gateway/threads.h"

namespace momento {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds stop_limit{2'000};
constexpr int64_t transfers_limit_us = 1'500'000;  // of stop_limit: the rest is the disk's
constexpr int64_t longest_wait_ms = 1'000;         // adoption looks around once a second

// At what threads have to say, in one turn: while the event loop sends answers, more is made
// durable. nginx has other things to do, too.
constexpr int most_looks = 4;

// Log lines of threads, on their way to the event loop.
class QueueLogger final : public Logger {
  public:
    using Line = std::pair<Severity, std::string>;

    explicit QueueLogger(std::function<void()> wake) : lines_(std::move(wake)) {}

    void write(Severity severity, std::string line) override {
        lines_.post({severity, std::move(line)});
    }

    void print(const Gateway::Listener& listener) {
        lines_.take(taken_);
        for (const Line& line : taken_) listener.print(line.first, line.second);
    }

  private:
    Mailbox<Line> lines_;
    std::vector<Line> taken_;
};

// Where all processes say when the current version was made. nullptr: there is no room, or
// others may have the same name when it is cut.
const Counter* made_elsewhere(SharedMetrics& shared, const SecretSettings& secret) {
    const std::string name = secret.source.name();
    if (name.size() > decltype(shared.secrets)::max_name) return nullptr;
    SecretMetrics* metrics = shared.secrets.find_or_add(name);
    if (metrics == nullptr) return nullptr;
    return &metrics->versions[static_cast<size_t>(SecretStage::current)].made_ms;
}

}  // namespace

class Gateway::Impl {
  public:
    Impl(Descriptor event, std::shared_ptr<const GatewaySettings> settings,
         std::vector<DestinationMetrics*> metrics, SharedMetrics& shared, size_t process,
         Listener listener)
        : doorbell_(std::move(event)),
          listener_(std::move(listener)),
          logger_([this] { doorbell_.ring(); }),
          threads_(logger_),
          crew_(threads_),
          signatures_(settings->spool.path, system_files(), logger_, threads_,
                      [this] { doorbell_.ring(); }),
          http_(make_http_client()),
          engine_(settings, tools(*settings, shared, process), std::move(metrics)) {}

    bool start() {
        return threads_.start("momento-deliver", [this] { deliver(); });
    }

    Doorbell& doorbell() { return doorbell_; }
    Engine& engine() { return engine_; }
    SignatureReader& signatures() { return signatures_; }

    void collect() {
        engine_.collect();
        signatures_.collect(listener_.take_signatures);
        logger_.print(listener_);
    }

    bool stop() {
        if (stopped_) return true;
        stopping_.store(true);
        signatures_.stop();
        engine_.wake_delivery();
        stopped_ = threads_.join(std::chrono::steady_clock::now() + stop_limit);
        collect();
        engine_.give_up();
        return stopped_;
    }

  private:
    EngineTools tools(const GatewaySettings& settings, SharedMetrics& shared, size_t process) {
        EngineTools tools;
        tools.clock = &system_clock();
        tools.random = &system_random();
        tools.files = &system_files();
        tools.logger = &logger_;
        tools.http = http_.get();
        tools.process = process;
        tools.slots = &shared.slots;
        tools.orphans = &shared.orphans;
        tools.stepped_us = &shared.delivery_stepped_us.parts[process];
        tools.crew = &crew_;
        tools.make_seat = [this] { return make_thread_seat(threads_); };
        tools.wake_event_loop = [this] { doorbell_.ring(); };
        tools.take_secret = listener_.take_secret;
        tools.is_exiting = listener_.is_exiting;
        for (const SecretSettings& secret : settings.secrets) {
            tools.secrets_made_elsewhere.push_back(made_elsewhere(shared, secret));
        }
        return tools;
    }

    // The delivery thread.
    void deliver() {
        const auto retire = [](ThreadCrew* crew) { crew->retire(); };
        const std::unique_ptr<ThreadCrew, decltype(retire)> last(&crew_, retire);
        while (!stopping_.load()) engine_.step_delivery(longest_wait_ms);

        engine_.stop_sending();
        const int64_t deadline = system_clock().steady_us() + transfers_limit_us;
        while (!engine_.idle() && system_clock().steady_us() < deadline) {
            engine_.step_delivery(10);
        }
        http_->cancel_all();
        engine_.step_delivery(0);  // posts the last releases
        engine_.retire_writers();
    }

    Doorbell doorbell_;
    const Listener listener_;
    QueueLogger logger_;
    ThreadGroup threads_;
    ThreadCrew crew_;
    SignatureReader signatures_;
    std::unique_ptr<HttpClient> http_;
    Engine engine_;
    std::atomic<bool> stopping_{false};
    bool stopped_ = false;
};

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Gateway::~Gateway() {
    if (impl_->stop()) return;
    // A thread still runs in there. Leaking is the only safe end.
    static_cast<void>(impl_.release());
}

Result<std::unique_ptr<Gateway>> Gateway::start(std::shared_ptr<const GatewaySettings> settings,
                                                std::vector<DestinationMetrics*> metrics,
                                                SharedMetrics& shared, size_t process,
                                                Listener listener) {
    // Here, not earlier: libcurl must not be initialised before the fork.
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return Error{"libcurl could not be initialised"};
    }
    Descriptor event(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!event) return system_error("eventfd");

    auto impl =
        std::make_unique<Impl>(std::move(event), std::move(settings), std::move(metrics),
                               shared, process, std::move(listener));
    if (!impl->start()) return Error{"the delivery thread could not be started"};
    return std::unique_ptr<Gateway>(new Gateway(std::move(impl)));
}

int Gateway::descriptor() const {
    return impl_->doorbell().descriptor();
}

void Gateway::wake_up() {
    impl_->doorbell().silence();
    begin_turn();
    impl_->collect();
}

void Gateway::begin_turn() {
    impl_->doorbell().stay_awake();
}

void Gateway::flush() {
    impl_->engine().flush();
}

void Gateway::end_turn() {
    for (int i = 0; i < most_looks; ++i) {
        impl_->doorbell().answer();
        impl_->collect();
        if (impl_->doorbell().fall_asleep()) return;
    }
    impl_->doorbell().nap();
}

RecordBuffer Gateway::new_record(size_t expected_body) {
    return impl_->engine().new_record(expected_body);
}

void Gateway::append(size_t destination, RecordBuffer record,
                     std::unique_ptr<Waiter>&& waiter) {
    impl_->engine().append(destination, std::move(record), std::move(waiter));
}

void Gateway::append_letter(size_t destination, RecordBuffer record,
                            std::unique_ptr<Waiter>&& waiter) {
    impl_->engine().append_letter(destination, std::move(record), std::move(waiter));
}

void Gateway::watch(size_t destination) {
    impl_->engine().watch(destination);
}

void Gateway::forget(size_t destination, uint64_t sequence) {
    impl_->engine().forget(destination, sequence);
}

void Gateway::want_secret(size_t source) {
    impl_->engine().want_secret(source);
}

bool Gateway::read_signatures(int64_t since_ms, bool patiently) {
    return impl_->signatures().start(since_ms, patiently);
}

void Gateway::set_file_descriptor(size_t destination, int descriptor) {
    impl_->engine().set_file_descriptor(destination, descriptor);
}

LogNumbers Gateway::numbers(size_t destination) const {
    return impl_->engine().numbers(destination);
}

bool Gateway::stop() {
    return impl_->stop();
}

}  // namespace momento
