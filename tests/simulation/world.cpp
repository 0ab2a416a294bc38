#include "world.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "destination/eventbridge.h"
#include "world_context.h"

namespace momento::sim {
namespace {

constexpr uint64_t most_steps = 5'000'000;

std::shared_ptr<GatewaySettings> make_settings(const Plan& plan, size_t destinations) {
    auto settings = std::make_shared<GatewaySettings>();
    settings->spool.path = spool_path;
    settings->spool.size = plan.log_size;
    settings->spool.segment_size = plan.segment_size;
    settings->spool.sync = plan.sync;
    settings->spool.unread_reach = plan.unread_reach;
    const auto environment =
        aws::EnvironmentSnapshot::take([](const std::string& name) -> const char* {
            if (name == "AWS_ACCESS_KEY_ID") return "AKIDSIMULATED";
            if (name == "AWS_SECRET_ACCESS_KEY") return "simulated";
            return nullptr;
        });
    for (size_t i = 0; i < destinations; ++i) {
        DestinationSettings destination;
        destination.name = "destination" + std::to_string(i);
        destination.kind = &eventbridge_kind;
        destination.target = SimNetwork::bus_name(i);
        destination.aws.region = "us-west-2";
        destination.aws.credentials.kind = aws::CredentialsSettings::Kind::environment;
        destination.http.connections = plan.connections;
        destination.retry.give_up_after_ms = plan.give_up_after_ms;
        destination.retain_ms = plan.retain_ms;
        destination.dead_letter_size = 64 * plan.segment_size;
        Warnings warnings;
        if (Status resolved = resolve(destination, environment, warnings); !resolved) {
            throw std::runtime_error(resolved.error().text);
        }
        settings->destinations.push_back(std::move(destination));
    }
    return settings;
}

}  // namespace

World::World(uint64_t seed, Coverage& coverage, bool telling)
    : stage(seed, coverage, telling),
      plan_(draw_plan(seed)),
      disk_chance_(seed + 1),
      disk_(disk_chance_),
      inspector_(std::make_unique<SimFiles>(disk_, "inspector")),
      ledger_(stage),
      network_(stage, ledger_),
      shared_(std::make_unique<SharedMemory>(plan_.destinations)),
      settings_(make_settings(plan_, plan_.destinations)),
      narrow_settings_(make_settings(plan_, 1)) {
    disk_.make_directory(spool_path);
    wanted_workers_ = plan_.workers;
}

World::~World() {
    workers_.clear();
}

void World::play() {
    disk_.before = [this](const Call& call) { return before(call); };
    disk_.after = [this](const Call& call) { after(call); };
    disk_.failed = [this](const Call& call, int error) { failed(call, error); };

    stage.tell(describe(plan_));
    keep_workers();
    plan_events();
    plan_disk();
    plan_crashes();
    plan_thread_ends();
    for (int64_t us : plan_.reloads_us) stage.at(us, [this] { reload(); });
    for (int64_t us : plan_.quits_us) stage.at(us, [this] { quit(); });
    for (int64_t us : plan_.redrives_us) stage.at(us, [this] { redrive(); });
    for (int64_t us : plan_.forgets_us) stage.at(us, [this] { forget(); });
    for (int64_t us : plan_.shrinks_us) stage.at(us, [this] { shrink(); });
    for (int64_t us : plan_.clock_steps_us) {
        stage.at(us, [this] {
            const int64_t wrong_by_ms = stage.chance.between(-7'200'000, 7'200'000);
            stage.tell("the wall clock is wrong by " + std::to_string(wrong_by_ms) + " ms");
            stage.hit(Mishap::clock_step);
            stage.clock.step_wall(wrong_by_ms);
        });
    }
    for (const WeatherPlan& weather : plan_.weather) {
        stage.at(weather.from_us, [this, &weather] { network_.weather = weather.weather; });
        stage.at(weather.to_us, [this] { network_.weather = {}; });
    }
    play_until(plan_.peace_us);
    disarm();
    while (crashes_ < plan_.crashes.size()) play_until(stage.now() + second / 5);
    // A plan's troubles may have met nobody.
    while (stage.faults == 0) {
        network_.weather = {1, {Course::reset_published}, 0};
        publish(1);
        play_until(stage.now() + second / 5);
    }
    finish();
}

// --- the scheduler

template <class Visit>
void World::for_each_actor(Visit visit) {
    for (size_t i = 0; i < workers_.size(); ++i) {
        if (!workers_[i]->alive()) continue;
        for (Actor* actor : workers_[i]->actors()) {
            if (!actor->running) visit(*actor);
        }
    }
}

// One action, or one step of somebody who may run. False if nobody may.
bool World::step() {
    stage.act();
    std::vector<Actor*> ready;
    for_each_actor([&](Actor& actor) {
        if (actor.due_us() <= stage.now()) ready.push_back(&actor);
    });
    if (ready.empty()) return false;
    run_actor(*stage.chance.pick(ready));
    if (depth_ == 0) end_of_step();
    if (++steps_ > most_steps) throw std::runtime_error("it does not come to an end");
    return true;
}

void World::run_actor(Actor& actor) {
    Desk* const desk_before = std::exchange(desk_, dynamic_cast<Desk*>(&actor));
    actor.running = true;
    try {
        actor.run();
    } catch (const Killed&) {
        // Its process is reaped when nothing of it runs any more.
    } catch (const ThreadEnd&) {
        thread_ended(actor);
    }
    actor.running = false;
    desk_ = desk_before;
    stage.clock.advance(stage.chance.between(1, 20));
}

void World::play_until(int64_t us) {
    while (stage.now() < us) {
        if (step()) continue;
        int64_t next = std::min(us, stage.next_action_us());
        for_each_actor([&](Actor& actor) { next = std::min(next, actor.due_us()); });
        stage.clock.advance(std::max<int64_t>(next - stage.now(), 1));
    }
}

// While one process's disk operation takes its time.
void World::play_others(int64_t us) {
    ++depth_;
    play_until(us);
    --depth_;
}

void World::end_of_step() {
    for (auto& worker : workers_) {
        if (!worker->alive()) {
            worker->destroy();
            continue;
        }
        for (size_t i = 0; i < worker->destinations(); ++i) {
            const LogNumbers numbers = worker->numbers(i);
            log_was_full_ = log_was_full_ || numbers.full;
            if (numbers.totals.pending() > numbers.totals.last_sequence) {
                stage.violation("more is released than was appended");
            }
        }
        if (worker->has_finished()) {
            stage.tell(worker->name() + " exits");
            worker->leave();
            die(*worker, false);
        } else if (stage.now() > worker->stop_deadline_us) {
            stage.tell(worker->name() + " exits before its writers have finished");
            die(*worker, false);
        }
        // What was synced long ago cannot come back.
        const int64_t synced_us = worker->synced_us();
        auto& delivered = worker->http.delivered;
        while (!delivered.empty() && delivered.front().us < synced_us) delivered.pop_front();
    }
    workers_.erase(std::remove_if(workers_.begin(), workers_.end(),
                                  [](const auto& worker) {
                                      return worker->state == SimWorker::State::gone;
                                  }),
                   workers_.end());
}

// --- the master

void World::start_worker() {
    auto context = std::make_unique<Context>(*this);
    SimWorker::Surroundings around{&stage,
                                   &disk_,
                                   &network_,
                                   context.get(),
                                   context.get(),
                                   shared_.get(),
                                   stage.chance.number(),
                                   &configuration_,
                                   plan_.watches};
    workers_.push_back(std::make_unique<SimWorker>(
        next_serial_++, forgotten_ ? narrow_settings_ : settings_, around));
    context->belong_to(workers_.back()->files);
    contexts_.push_back(std::move(context));
    stage.tell(workers_.back()->name() + " starts");
}

void World::keep_workers() {
    if (!powered_) return;
    auto serving = static_cast<size_t>(
        std::count_if(workers_.begin(), workers_.end(), [](const auto& worker) {
            return worker->alive() && worker->state == SimWorker::State::serving;
        }));
    for (; serving < wanted_workers_; ++serving) start_worker();
}

// New workers start; the old ones take nothing new, and exit after a while.
void World::reload() {
    if (!powered_) return;
    stage.hit(Mishap::reload);
    ++configuration_;
    lift_curse();
    const size_t before = std::exchange(wanted_workers_, 1 + stage.chance.below(3));
    if (wanted_workers_ < before) stage.hit(Mishap::fewer_workers);
    stage.tell("reload, " + std::to_string(wanted_workers_) + " workers");
    for (auto& worker : workers_) {
        if (!worker->alive() || worker->state != SimWorker::State::serving) continue;
        worker->drain();
        const int serial = worker->serial;
        stage.at(stage.now() + stage.chance.between(0, 2 * second), [this, serial] {
            for (auto& each : workers_) {
                if (each->serial == serial && each->alive()) each->stop();
            }
        });
    }
    keep_workers();
}

void World::forget() {
    if (!powered_ || forgotten_ || plan_.destinations == 1) return;
    stage.tell("the last destination is taken out of the configuration");
    stage.hit(Mishap::forget);
    forgotten_ = true;
    // Its events wait for the operator.
    network_.weather = {1, {Course::not_connected}, 0};
    reload();
    for (int i = 0; i < 3; ++i) {
        const int64_t us = stage.now() + stage.chance.between(2 * second, 3 * second);
        stage.at(us, [this] { move(); });
        if (i > 0) continue;
        stage.at(us, [this] { network_.weather = {}; });
    }
    if (stage.chance.one_in(2)) {
        stage.at(stage.now() + 4 * second, [this] { remember(); });
    }
}

void World::remember() {
    if (!forgotten_) return;
    stage.tell("the last destination is put into the configuration again");
    forgotten_ = false;
    reload();
}

void World::shrink() {
    stage.tell("the spool's bounds are made smaller");
    stage.hit(Mishap::smaller_bounds);
    plan_.segment_size = plan_.smaller_segment_size;
    plan_.log_size = plan_.smaller_log_size;
    settings_ = make_settings(plan_, plan_.destinations);
    narrow_settings_ = make_settings(plan_, 1);
    reload();
}

void World::quit() {
    if (!powered_) return;
    stage.tell("quit");
    stage.hit(Mishap::quit);
    for (auto& worker : workers_) {
        if (!worker->alive()) continue;
        worker->drain();
        worker->stop();
    }
    stage.at(stage.now() + 5 * second / 2, [this] {
        redrive();
        move();
    });
    stage.at(stage.now() + 3 * second, [this] { keep_workers(); });
}

void World::power_up() {
    powered_ = true;
    stage.tell("the machine is up");
    if (stage.chance.one_in(4)) redrive();
    if (stage.chance.one_in(2)) move();
    keep_workers();
}

}  // namespace momento::sim
