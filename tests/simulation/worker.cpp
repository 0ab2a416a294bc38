#include "worker.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace momento::sim {
namespace {

// gateway.cpp's limits.
constexpr int64_t stop_limit_us = 2'000'000;
constexpr int64_t longest_wait_ms = 1'000;

constexpr int64_t longest_hang_us = 3'000'000;

}  // namespace

// --- Desk

void Desk::sit(std::unique_ptr<Writer> writer) {
    writer_ = std::move(writer);
    used_ = true;
    cover(stage_.now());
}

void Desk::wake() {
    if (writer_) due_us_ = std::min(due_us_, stage_.now() + stage_.latency_us());
}

void Desk::retire() {
    retired_ = true;
    wake();
}

int64_t Desk::due_us() const {
    return writer_ ? due_us_ : INT64_MAX;
}

void Desk::run() {
    step_us_ = stage_.now();
    due_us_ = INT64_MAX;
    bool more = false;
    const bool is_last = retired_;  // it may be retired while it steps
    if (is_last) {
        writer_->finish();
    } else {
        more = writer_->step();
    }
    cover(step_us_);
    if (is_last) {
        writer_.reset();
        return;
    }
    const int64_t again =
        more || retired_ ? stage_.now() : step_us_ + Writer::step_interval_ms * 1000;
    due_us_ = std::min(due_us_, again);
}

void Desk::cover(int64_t us) {
    if (!cursor_dirty_) written_us = us;
    if (!cursor_dirty_ && !cursor_unsynced_) synced_us = us;
    if (!records_unsynced_ && !records_doubtful_) records_synced_us = us;
}

void Desk::at(const char* step) {
    if (step == steps::cursor_written) {
        cursor_dirty_ = false;
        cursor_unsynced_ = true;
    } else if (step == steps::cursor_synced) {
        cursor_unsynced_ = false;
        parts_ = false;
    } else if (step == steps::fresh_cursor_named) {
        cursor_dirty_ = false;
        cursor_unsynced_ = false;
        parts_ = false;
    } else if (step == steps::waiting_slot_made) {
        parts_ = true;
    } else if (step == steps::records_written) {
        records_unsynced_ = true;
    } else if (step == steps::records_synced) {
        records_unsynced_ = false;
        records_doubtful_ = false;
    }
}

void Desk::cursor_failed() {
    cursor_dirty_ = true;
    written_us = std::min(written_us, synced_us);
}

// --- SimWorker

class SimWorker::Seat final : public WriterSeat {
  public:
    explicit Seat(std::shared_ptr<Desk> desk) : desk_(std::move(desk)) {}
    void wake() override { desk_->wake(); }
    void run(std::unique_ptr<Writer> writer) override { desk_->sit(std::move(writer)); }
    bool is_served() const override { return true; }
    void retire() override { desk_->retire(); }

  private:
    std::shared_ptr<Desk> desk_;
};

SimWorker::SimWorker(int serial_, std::shared_ptr<const GatewaySettings> settings,
                     const Surroundings& around)
    : serial(serial_),
      files(*around.disk, "worker " + std::to_string(serial_)),
      http(*around.network, *around.stage, files.process()),
      stage_(*around.stage),
      chance_(around.seed),
      destinations_(settings->destinations.size()),
      loop_(*this),
      delivery_(*this),
      helpers_(*this) {
    std::vector<DestinationMetrics*> metrics;
    for (size_t i = 0; i < destinations_; ++i) metrics.push_back(&around.shared->metrics.at(i));
    engine_ = std::make_unique<Engine>(std::move(settings), tools(around), std::move(metrics));
    constructed_ = true;
    for (size_t i = 0; around.watches && i < destinations_; ++i) engine_->watch(i);
}

SimWorker::~SimWorker() {
    destroy();
}

EngineTools SimWorker::tools(const Surroundings& around) {
    EngineTools tools;
    tools.clock = &stage_.clock;
    tools.random = &chance_;
    tools.files = &files;
    tools.logger = around.logger;
    tools.http = &http;
    tools.crew = &helpers_;
    tools.make_seat = [this] {
        desks_.push_back(std::make_shared<Desk>(stage_, !constructed_));
        return std::make_unique<Seat>(desks_.back());
    };
    tools.wake_event_loop = [this] { loop_.wake(); };
    tools.observer = around.observer;
    tools.slots = &around.shared->slots;
    tools.set_aside = [this, ends = &around.shared->thread_ends,
                       current = around.configuration](const std::string& destination,
                                                       const std::string& slot) {
        if (files.alive())
            ends->set_aside(*current, destination, slot);  // the dead say nothing
    };
    tools.is_set_aside = [ends = &around.shared->thread_ends, number = *around.configuration](
                             const std::string& destination, const std::string& slot) {
        return ends->is_set_aside(number, destination, slot);
    };
    return tools;
}

RecordBuffer SimWorker::encode(const SimEvent& event) const {
    Record record;
    record.accepted_ms = stage_.clock.wall_ms();
    record.publish_ms = stage_.clock.true_ms() - 5;  // by its sender's clock
    const std::string cache = cache_of(event);
    record.body = event.body;
    if (event.malformed) {
        record.kind = RecordKind::dead_letter;
        record.reason_code = "malformed";
        record.reason_message = "as the simulation wants it";
    } else {
        record.cache = cache;
        record.topic = topic_name;
    }
    std::memcpy(record.replay_id.data(), &event.id, sizeof event.id);
    // As the module does it: in memory that held others before.
    RecordBuffer buffer = engine_->new_record(record.body.size());
    buffer.append_body(record.body);
    buffer.finish(record);
    return buffer;
}

void SimWorker::take(SimEvent& event) {
    event.worker = serial;
    event.given_us = stage_.now();
    if (event.malformed) {
        engine_->append_letter(event.destination, encode(event),
                               std::make_unique<Sender>(event));
    } else {
        engine_->append(event.destination, encode(event), std::make_unique<Sender>(event));
    }
}

void SimWorker::stop() {
    if (state >= State::stopping) return;
    state = State::stopping;
    stop_deadline_us = stage_.now() + stop_limit_us;
    engine_->wake_delivery();
}

bool SimWorker::has_finished() const {
    if (state != State::retiring) return false;
    return std::all_of(desks_.begin(), desks_.end(),
                       [](const auto& desk) { return desk->finished(); });
}

void SimWorker::leave() {
    engine_->collect();
    engine_->give_up();
    files.kill();
    state = State::gone;
}

void SimWorker::destroy() {
    if (!engine_) return;
    files.kill();
    http.die();
    for (const auto& desk : desks_) desk->drop();
    helpers_.drop();
    engine_.reset();
    state = State::gone;
}

std::vector<Actor*> SimWorker::actors() {
    std::vector<Actor*> actors{&loop_, &delivery_, &helpers_};
    for (const auto& desk : desks_) actors.push_back(desk.get());
    return actors;
}

template <class Value>
int64_t SimWorker::least(Value value, bool letters_too) const {
    int64_t least = stage_.now();
    for (const auto& desk : desks_) {
        if (!desk->counts() || (desk->is_letters && !letters_too)) continue;
        least = std::min(least, value(*desk));
    }
    return least;
}

int64_t SimWorker::written_us() const {
    return least([](const Desk& desk) { return desk.written_us; }, false);
}

int64_t SimWorker::synced_us() const {
    return least([](const Desk& desk) { return desk.synced_us; }, false);
}

int64_t SimWorker::records_synced_us() const {
    return least(
        [](const Desk& desk) { return desk.is_own ? desk.records_synced_us : INT64_MAX; },
        true);
}

bool SimWorker::records_doubtful() const {
    return std::any_of(desks_.begin(), desks_.end(),
                       [](const auto& desk) { return desk->records_doubtful(); });
}

void SimWorker::Loop::wake() {
    due_us_ = std::min(due_us_, worker_.stage_.now() + worker_.stage_.latency_us());
}

void SimWorker::Loop::run() {
    due_us_ = INT64_MAX;
    worker_.engine_->collect();
}

int64_t SimWorker::Delivery::due_us() const {
    return worker_.state == State::retiring ? INT64_MAX : worker_.http.due_us();
}

bool SimWorker::Helpers::take(std::function<void()> work) {
    Stage& stage = worker_.stage_;
    if (stage.chance.one_in(50)) return false;  // no thread
    int64_t begins_us = stage.now() + stage.latency_us();
    if (stage.chance.one_in(20)) {
        stage.hit(Mishap::helper_hangs);
        begins_us += stage.chance.between(0, longest_hang_us);
    }
    works_.emplace(begins_us, std::move(work));
    return true;
}

// The end of the process waits for none of them.
int64_t SimWorker::Helpers::due_us() const {
    return works_.empty() || worker_.state == State::gone ? INT64_MAX : works_.begin()->first;
}

void SimWorker::Helpers::run() {
    const auto work = std::move(works_.begin()->second);
    works_.erase(works_.begin());
    work();
}

// Gateway::Impl::deliver(), in steps.
void SimWorker::Delivery::run() {
    Engine& engine = *worker_.engine_;
    worker_.http.woken();
    if (worker_.state != State::stopping) {
        engine.step_delivery(longest_wait_ms);
        return;
    }
    if (engine.step_end(Engine::ample_sending_us)) return;
    worker_.state = State::retiring;
}

}  // namespace momento::sim
