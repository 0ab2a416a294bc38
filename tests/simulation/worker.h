// One worker process: an Engine, its event loop, its delivery thread and its writers, each
// an actor of its own; and what the oracle has to know of when they made what durable.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actor.h"
#include "gateway/engine.h"
#include "gateway/thread_ends.h"
#include "ledger.h"
#include "network.h"
#include "sim_files.h"
#include "stage.h"

namespace momento::sim {

// A writer and who steps it. It stays until its process ends: the engine may let go of its
// seat before the writer has finished.
class Desk final : public Actor {
  public:
    Desk(Stage& stage, bool own) : is_own(own), stage_(stage) { cover(stage.now()); }

    // WriterSeat's part.
    void sit(std::unique_ptr<Writer> writer);
    void wake();
    void retire();

    int64_t due_us() const override;
    void run() override;
    void drop() { writer_.reset(); }
    bool finished() const { return !writer_; }

    // A crash can take something of it back.
    bool counts() const {
        return writer_ || (used_ && synced_us < step_us_) || records_unsynced_ ||
               records_doubtful_;
    }

    // What happened to its files while it ran.
    void at(const char* step);
    void cursor_failed();
    void records_failed() { records_doubtful_ = true; }

    const bool is_own;        // of the process's own logs; not adopted
    bool is_letters = false;  // of dead letters

    // Releases that were posted before are written, or synced; records that were stored
    // before are synced.
    int64_t written_us = 0;
    int64_t synced_us = 0;
    int64_t records_synced_us = 0;
    bool records_doubtful() const { return records_doubtful_; }  // a sync of them failed

    // Its log parted with records, and has not noted for good that it did.
    bool parts() const { return parts_; }

  private:
    void cover(int64_t us);

    Stage& stage_;
    std::unique_ptr<Writer> writer_;
    int64_t due_us_ = INT64_MAX;
    int64_t step_us_ = 0;
    bool used_ = false;
    bool retired_ = false;
    bool cursor_dirty_ = false;
    bool cursor_unsynced_ = false;
    bool parts_ = false;
    bool records_unsynced_ = false;
    bool records_doubtful_ = false;
};

// What worker processes share until the machine stops.
struct SharedMemory {
    explicit SharedMemory(size_t destinations) : metrics(destinations) {}

    SlotTable slots{};                        // zeros
    ThreadEnds thread_ends{};                 // likewise
    std::vector<DestinationMetrics> metrics;  // by destination

    // A cursor's write failed: whoever reads that slot next may find what was noted before
    // its last sync only, and finds events that were dead alive again.
    bool cursor_torn = false;
};

class SimWorker {
  public:
    struct Surroundings {
        Stage* stage;
        SimDisk* disk;
        SimNetwork* network;
        StepObserver* observer;
        Logger* logger;
        SharedMemory* shared;
        uint64_t seed;
        const uint64_t* configuration;  // the one in effect
        bool watches;
    };

    enum class State {
        serving,
        draining,  // takes no new events
        stopping,  // sends what is ready, and adopts nothing
        retiring,  // its writers finish
        gone,      // dead, or exited
    };

    SimWorker(int serial, std::shared_ptr<const GatewaySettings> settings,
              const Surroundings& around);
    ~SimWorker();

    const std::string& name() const { return files.process(); }
    bool alive() const { return files.alive(); }

    void take(SimEvent& event);  // its event loop gets a webhook
    void end_turn() { engine_->flush(); }

    void drain() { state = State::draining; }
    void stop();

    // Its last words are said and its writers have finished.
    bool has_finished() const;
    void leave();    // exits, as a process does
    void destroy();  // after it died or left: none of its actors runs

    std::vector<Actor*> actors();

    // See Desk: the latest moment that holds for all logs of events.
    int64_t written_us() const;
    int64_t synced_us() const;
    int64_t records_synced_us() const;  // of its own logs, the letters' too
    bool records_doubtful() const;

    size_t destinations() const { return destinations_; }  // by its configuration
    LogNumbers numbers(size_t destination) const { return engine_->numbers(destination); }

    const int serial;
    State state = State::serving;
    int64_t stop_deadline_us = INT64_MAX;
    SimFiles files;
    SimHttp http;

  private:
    class Seat;

    class Loop final : public Actor {
      public:
        explicit Loop(SimWorker& worker) : worker_(worker) {}
        int64_t due_us() const override { return due_us_; }
        void run() override;
        void wake();

      private:
        SimWorker& worker_;
        int64_t due_us_ = INT64_MAX;
    };

    class Delivery final : public Actor {
      public:
        explicit Delivery(SimWorker& worker) : worker_(worker) {}
        int64_t due_us() const override;
        void run() override;

      private:
        SimWorker& worker_;
    };

    // What may hang: in the product a thread for each that does.
    class Helpers final : public Actor, public Crew {
      public:
        explicit Helpers(SimWorker& worker) : worker_(worker) {}
        bool take(std::function<void()> work) override;
        int64_t due_us() const override;
        void run() override;
        void drop() { works_.clear(); }

      private:
        SimWorker& worker_;
        std::multimap<int64_t, std::function<void()>> works_;  // by when they begin
    };

    template <class Value>
    int64_t least(Value value, bool letters_too) const;

    EngineTools tools(const Surroundings& around);
    RecordBuffer encode(const SimEvent& event) const;

    Stage& stage_;
    Chance chance_;  // the process's own
    const size_t destinations_;
    std::vector<std::shared_ptr<Desk>> desks_;
    Loop loop_;
    Delivery delivery_;
    Helpers helpers_;
    bool constructed_ = false;
    std::unique_ptr<Engine> engine_;
};

}  // namespace momento::sim
