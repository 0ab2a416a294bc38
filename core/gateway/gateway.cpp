#include "gateway/gateway.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
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
constexpr int64_t end_poll_ms = 10;
constexpr int64_t retry_ms = 5'000;         // of a gateway that is closed
constexpr int64_t longest_wait_ms = 1'000;  // adoption looks around once a second

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

// A thread that resolves a name, and that nobody waits for any more, may still be in libcurl
// when nginx unloads the module at its exit: so what it returns to stays.
void keep_libcurl() {
    Dl_info info;
    if (dladdr(reinterpret_cast<void*>(&curl_global_init), &info) == 0) return;
    static_cast<void>(dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE));
}

// What all processes say of it. nullptr: there is no room, or others may have the same name
// when it is cut.
SecretMetrics* shared_secret(SharedMetrics& shared, const SecretSettings& secret) {
    const std::string name = secret.source.name();
    if (name.size() > decltype(shared.secrets)::max_name) return nullptr;
    return shared.secrets.find_or_add(name);
}

// The engine and its threads, from one beginning to its end.
class Runtime {
  public:
    struct Surroundings {
        std::shared_ptr<const GatewaySettings> settings;
        std::vector<DestinationMetrics*> metrics;
        SharedMetrics& shared;
        size_t process;
        const Gateway::Listener& listener;
        Logger& logger;
        std::function<void()> wake_event_loop;
    };

    explicit Runtime(const Surroundings& around)
        : settings_(around.settings),
          shared_(around.shared),
          configuration_(around.shared.orphans.configuration()),
          logger_(around.logger),
          troubled_(settings_->destinations.size()),
          threads_(around.logger, around.wake_event_loop),
          crew_(threads_),
          signatures_(settings_->spool.path, system_files(), around.logger, threads_,
                      around.wake_event_loop),
          http_(make_http_client()),
          engine_(settings_, tools(around), around.metrics) {}

    bool start() {
        return threads_.start("momento-deliver", [this] { deliver(); });
    }

    Engine& engine() { return engine_; }
    SignatureReader& signatures() { return signatures_; }
    bool has_failed() const { return threads_.has_failed(); }

    // Whether this destination's events cannot be stored or delivered, since a thread ended.
    bool is_troubled(size_t destination) const {
        return delivery_failed_.load() || troubled_[destination].load();
    }

    // All threads are to end. `sending_us`: what is ready goes on leaving for so long.
    void begin_end(int64_t sending_us) {
        sending_us_.store(sending_us);
        stopping_.store(true);
        signatures_.stop();
        engine_.wake_delivery();
    }

    // Whether all have, by then.
    bool has_ended(std::chrono::steady_clock::time_point deadline) {
        // The delivery thread, which would tell the writers, has left nobody to do it.
        if (delivery_failed_.load()) engine_.retire_writers();
        return threads_.join(deadline);
    }

  private:
    EngineTools tools(const Surroundings& around) {
        EngineTools tools;
        tools.clock = &system_clock();
        tools.random = &system_random();
        tools.files = &system_files();
        tools.logger = &logger_;
        tools.http = http_.get();
        tools.process = around.process;
        tools.slots = &shared_.slots;
        tools.orphans = &shared_.orphans;
        tools.other_build = &shared_.other_build;
        tools.webhooks = &shared_.webhooks;
        tools.stepped_us = &shared_.delivery_stepped_us.parts[around.process];
        tools.crew = &crew_;
        tools.make_seat = [this] { return make_thread_seat(threads_); };
        tools.wake_event_loop = around.wake_event_loop;
        tools.take_secret = around.listener.take_secret;
        tools.is_exiting = around.listener.is_exiting;
        tools.set_aside = [this](const std::string& destination, const std::string& slot) {
            set_aside(destination, slot);
        };
        tools.is_set_aside = [this](const std::string& destination, const std::string& slot) {
            return shared_.thread_ends.is_set_aside(configuration_, destination, slot);
        };
        for (const SecretSettings& secret : settings_->secrets) {
            SecretMetrics* said = shared_secret(shared_, secret);
            tools.secrets_made_elsewhere.push_back(
                said != nullptr ? &said->versions[SecretStage::current].made_ms : nullptr);
            tools.secrets_said_once.push_back(said != nullptr ? &said->said : nullptr);
        }
        return tools;
    }

    // From the thread that ends. For the workers of a reload that has come meanwhile, too.
    void set_aside(const std::string& destination, const std::string& slot) noexcept {
        const bool is_noted =
            shared_.thread_ends.set_aside(shared_.orphans.configuration(), destination, slot);
        const auto& destinations = settings_->destinations;
        for (size_t i = 0; i < destinations.size(); ++i) {
            // Letters of any destination may stand in one slot.
            const bool is_concerned =
                destinations[i].name == destination || destination == dead_letter_directory;
            if (is_concerned) troubled_[i].store(true);
        }
        try {
            logger_.write(Severity::alert,
                          "slot \"" + settings_->spool.path + '/' + destination + '/' + slot +
                              (is_noted ? "\" is set aside until nginx is reloaded"
                                        : "\" cannot be set aside, too many are") +
                              ": a thread ended by an exception while it was at work on it");
        } catch (const std::exception&) {
            // The table tells.
        }
    }

    // The delivery thread.
    void deliver() {
        const auto retire = [](ThreadCrew* crew) { crew->retire(); };
        const std::unique_ptr<ThreadCrew, decltype(retire)> last(&crew_, retire);
        try {
            while (!stopping_.load()) engine_.step_delivery(longest_wait_ms);
            while (engine_.step_end(sending_us_.load())) {
            }
        } catch (...) {
            delivery_failed_.store(true);
            throw;
        }
    }

    const std::shared_ptr<const GatewaySettings> settings_;
    SharedMetrics& shared_;
    const uint64_t configuration_;
    Logger& logger_;
    std::vector<std::atomic<bool>> troubled_;  // by destination
    ThreadGroup threads_;
    ThreadCrew crew_;
    SignatureReader signatures_;
    std::unique_ptr<HttpClient> http_;
    Engine engine_;
    std::atomic<int64_t> sending_us_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> delivery_failed_{false};
};

}  // namespace

class Gateway::Impl {
  public:
    Impl(Descriptor event, std::shared_ptr<const GatewaySettings> settings,
         std::vector<DestinationMetrics*> metrics, SharedMetrics& shared, size_t process,
         Listener listener)
        : doorbell_(std::move(event)),
          listener_(std::move(listener)),
          logger_([this] { doorbell_.ring(); }),
          settings_(std::move(settings)),
          metrics_(std::move(metrics)),
          shared_(shared),
          process_(process) {}

    bool start() {
        auto runtime = std::make_unique<Runtime>(
            Runtime::Surroundings{settings_, metrics_, shared_, process_, listener_, logger_,
                                  [this] { doorbell_.ring(); }});
        for (const size_t destination : watched_) runtime->engine().watch(destination);
        if (!runtime->start()) return false;
        runtime_ = std::move(runtime);
        state_ = State::serves;
        return true;
    }

    Doorbell& doorbell() { return doorbell_; }
    Runtime* runtime() { return runtime_.get(); }
    bool gives_up() const { return gives_up_; }

    bool is_open(size_t destination) const {
        switch (state_) {
            case State::serves:
                return true;
            case State::ends:
                return false;
            case State::closed:
                return runtime_ && !runtime_->is_troubled(destination);
        }
        return false;
    }

    void watch(size_t destination) {
        if (std::find(watched_.begin(), watched_.end(), destination) == watched_.end()) {
            watched_.push_back(destination);
        }
        if (runtime_) runtime_->engine().watch(destination);
    }

    void collect() {
        if (runtime_) {
            runtime_->engine().collect();
            runtime_->signatures().collect(listener_.take_signatures);
        }
        logger_.print(listener_);
        if (state_ == State::serves && runtime_->has_failed()) begin_anew();
    }

    void tend() {
        if (is_stopped_) return;
        switch (state_) {
            case State::serves:
                return;
            case State::ends:
                end();
                return;
            case State::closed:
                begin_anew();
                return;
        }
    }

    bool stop() {
        if (is_stopped_) return true;
        if (runtime_) {
            runtime_->begin_end(Engine::ample_sending_us);
            is_stopped_ = runtime_->has_ended(std::chrono::steady_clock::now() + stop_limit);
            settle_all();
        } else {
            is_stopped_ = !is_stuck_;
        }
        return is_stopped_;
    }

  private:
    enum class State {
        serves,
        ends,    // to be built anew
        closed,  // for some destinations, or (without a runtime) for all
    };

    // A thread has ended.
    void begin_anew() {
        if (is_stuck_ || !shared_.thread_ends.may_act(system_clock().steady_us())) {
            if (state_ != State::closed) report_closed();
            state_ = State::closed;
            tell_closed();
            if (!is_stuck_) listener_.tend_in(retry_ms);
            return;
        }
        logger_.write(Severity::notice, "its threads end, and all begins anew");
        state_ = State::ends;
        tell_closed();
        if (runtime_) runtime_->begin_end(0);
        end_by_ = std::chrono::steady_clock::now() + stop_limit;
        end();
    }

    void end() {
        const auto now = std::chrono::steady_clock::now();
        if (runtime_ && !runtime_->has_ended(now)) {
            if (now < end_by_) {
                listener_.tend_in(end_poll_ms);
                return;
            }
            listener_.end_process();
            // There it still runs. Leaking is the only safe way to live on.
            settle_all();
            static_cast<void>(runtime_.release());
            is_stuck_ = true;
            begin_anew();
            return;
        }
        if (runtime_) settle_all();
        runtime_.reset();
        if (!start_again()) {
            state_ = State::closed;
            tell_closed();
            listener_.tend_in(retry_ms);
            return;
        }
        logger_.write(Severity::error, "all has begun anew");
        tell_closed();
        listener_.built_anew();
    }

    bool start_again() noexcept {
        try {
            return start();
        } catch (const std::exception&) {
            return false;
        }
    }

    void settle_all() {
        runtime_->engine().collect();
        runtime_->signatures().collect(listener_.take_signatures);
        logger_.print(listener_);
        gives_up_ = true;
        runtime_->engine().give_up();
        gives_up_ = false;
    }

    void tell_closed() {
        size_t closed = 0;
        for (size_t i = 0; i < metrics_.size(); ++i) closed += is_open(i) ? 0 : 1;
        shared_.thread_ends.say_closed(process_, closed);
    }

    void report_closed() {
        std::string names;
        for (size_t i = 0; i < settings_->destinations.size(); ++i) {
            if (is_closed_for(i)) names += " \"" + settings_->destinations[i].name + '"';
        }
        logger_.write(
            Severity::alert,
            "a second thread on this machine ended by an exception within a minute, so "
            "that nothing is begun anew for now: webhooks are answered 503 by this "
            "process, for" +
                (names.empty() ? " no destination" : names) +
                "; what ended the first one stands above");
    }

    bool is_closed_for(size_t destination) const {
        return !runtime_ || runtime_->is_troubled(destination);
    }

    Doorbell doorbell_;
    const Listener listener_;
    QueueLogger logger_;
    const std::shared_ptr<const GatewaySettings> settings_;
    const std::vector<DestinationMetrics*> metrics_;
    SharedMetrics& shared_;
    const size_t process_;

    State state_ = State::closed;
    std::unique_ptr<Runtime> runtime_;  // nullptr: closed for all
    std::vector<size_t> watched_;
    std::chrono::steady_clock::time_point end_by_{};
    bool is_stuck_ = false;  // a thread runs on that could not be ended
    bool is_stopped_ = false;
    bool gives_up_ = false;
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
    keep_libcurl();
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
    if (impl_->runtime()) impl_->runtime()->engine().flush();
}

void Gateway::end_turn() {
    for (int i = 0; i < most_looks; ++i) {
        impl_->doorbell().answer();
        impl_->collect();
        if (impl_->doorbell().fall_asleep()) return;
    }
    impl_->doorbell().nap();
}

void Gateway::tend() {
    impl_->tend();
}

bool Gateway::is_open(size_t destination) const {
    return impl_->is_open(destination);
}

bool Gateway::gives_up() const {
    return impl_->gives_up();
}

RecordBuffer Gateway::new_record(size_t expected_body) {
    if (!impl_->runtime()) return RecordBuffer(expected_body);
    return impl_->runtime()->engine().new_record(expected_body);
}

void Gateway::append(size_t destination, RecordBuffer record,
                     std::unique_ptr<Waiter>&& waiter) {
    impl_->runtime()->engine().append(destination, std::move(record), std::move(waiter));
}

void Gateway::append_letter(size_t destination, RecordBuffer record,
                            std::unique_ptr<Waiter>&& waiter) {
    impl_->runtime()->engine().append_letter(destination, std::move(record), std::move(waiter));
}

void Gateway::watch(size_t destination) {
    impl_->watch(destination);
}

void Gateway::forget(size_t destination, uint64_t sequence) {
    if (impl_->runtime()) impl_->runtime()->engine().forget(destination, sequence);
}

void Gateway::want_secret(size_t source) {
    if (impl_->runtime()) impl_->runtime()->engine().want_secret(source);
}

bool Gateway::read_signatures(int64_t since_ms, bool patiently) {
    return impl_->runtime() && impl_->runtime()->signatures().start(since_ms, patiently);
}

void Gateway::set_file_descriptor(size_t destination, int descriptor) {
    if (impl_->runtime()) {
        impl_->runtime()->engine().set_file_descriptor(destination, descriptor);
    } else {
        close(descriptor);
    }
}

bool Gateway::stop() {
    return impl_->stop();
}

}  // namespace momento
