// One seed's world: a machine with a disk that fails and power that goes, workers of two
// generations on it, a master that starts and reloads them, an operator who redrives dead
// letters, publishers, and a bus behind a bad network. Plays its plan, then peace, then
// audits what is left.
//
// Everything runs in one thread. Who runs next is drawn; inside a disk operation of one
// actor others may run, as on a real machine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ledger.h"
#include "network.h"
#include "plan.h"
#include "sim_files.h"
#include "spool/slot_reader.h"
#include "stage.h"
#include "worker.h"

namespace momento::sim {

inline constexpr int64_t second = 1'000'000;  // in microseconds
inline constexpr char spool_path[] = "/spool";
inline constexpr int most_depth = 3;  // of actors that run inside others' disk operations

class World {
  public:
    World(uint64_t seed, Coverage& coverage, bool telling);
    ~World();

    void play();

    Stage stage;

  private:
    friend class Audit;

    class Context;

    // --- the scheduler
    template <class Visit>
    void for_each_actor(Visit visit);
    bool step();
    void run_actor(Actor& actor);
    void play_until(int64_t us);
    void play_others(int64_t us);
    void end_of_step();

    // --- the disk, as processes meet it
    void plan_disk();
    Fault before(const Call& call);
    void after(const Call& call);
    void failed(const Call& call, int error);
    Fault draw_fault(const Call& call);
    void make_unreadable(const UnreadablePlan& plan);
    bool is_unreadable(const Call& call);
    void spoil_segment();
    void doubt_records(Directory& slot, const std::string& segment);
    bool is_process(const SimFiles& files) const;
    void observe(const SimFiles& files, const char* step);
    void heard(Severity severity, const std::string& line);

    // --- the master
    void start_worker();
    void keep_workers();
    void reload();
    void forget();    // reloads with a configuration that has only the first destination
    void remember();  // with all of them again
    void shrink();    // reloads with smaller bounds of the spool
    void quit();
    void power_up();

    // --- threads that end by an exception
    void plan_thread_ends();
    void end_thread_if_cursed(const Call& call);
    void thread_ended(const Actor& actor);
    void lift_curse() { cursed_.clear(); }

    // --- crashes
    void plan_crashes();
    void arm(const CrashPlan& crash);
    void disarm();  // strikes at once if it is still to come
    void strike(const SimFiles* where);
    void kill(SimWorker& worker);
    void lose_power();
    void cut_power();
    void die(SimWorker& worker, bool power);
    void forget_sync();
    void forget_what_is_torn();
    void expect_copies();
    void doubt_tail(const std::string& path);
    void expect_two_of_a_record();
    SimWorker* any_alive();

    // --- publishers, operator
    void plan_events();
    void publish(size_t count);
    std::string body(const SimEvent& event, SimWorker& worker, bool forged);
    template <class Action>
    Status operate(Mishap killed, Action action);
    bool may_operate() const { return powered_ && operator_ == nullptr; }
    void redrive();
    void move();
    uint64_t visit_others(std::set<SimEvent*>& events);
    std::vector<SimEvent*> letters();
    std::vector<SlotPlace> slots_of(const std::string& destination);

    // --- the end
    void tell_files();
    void tell_pending();
    void make_peace();
    bool is_quiet();
    bool is_permitted_gone();
    void mend_policy();
    void check_balance();
    bool wait_until_quiet(const char* when);
    void finish();

    Plan plan_;
    Chance disk_chance_;
    SimDisk disk_;
    std::unique_ptr<SimFiles> inspector_;  // reads, never fails, and is told of no crash
    Ledger ledger_;
    SimNetwork network_;
    std::unique_ptr<SharedMemory> shared_;
    std::shared_ptr<const GatewaySettings> settings_;
    std::shared_ptr<const GatewaySettings> narrow_settings_;  // only the first destination
    bool forgotten_ = false;  // the others: the narrow settings are the master's

    std::vector<std::unique_ptr<Context>> contexts_;
    std::vector<std::unique_ptr<SimWorker>> workers_;
    int next_serial_ = 1;
    size_t wanted_workers_ = 0;
    bool powered_ = true;

    int depth_ = 0;         // of actors that run inside others' disk operations
    Desk* desk_ = nullptr;  // that runs
    uint64_t steps_ = 0;

    std::optional<CrashPlan> armed_;
    uint64_t armed_serial_ = 0;
    bool peace_ = false;
    bool poison_next_ = false;
    const char* last_step_ = nullptr;
    std::string last_path_;  // of a disk operation; for who listens
    int64_t stall_us_ = 0;
    struct Unreadable {
        std::string path;
        uint64_t number = 0;  // of the file that stood there
        int64_t to_us = 0;
        uint64_t from = 0;  // to here and on; all of it if it cannot be opened
        uint64_t to = 0;
        bool opens = true;
    };
    std::vector<Unreadable> unreadable_;
    bool spoilt_ = false;  // a segment
    bool power_was_lost_ = false;
    bool log_was_full_ = false;
    uint64_t crashes_ = 0;
    uint64_t letter_faults_ = 0;
    uint64_t redriven_unsurely_ = 0;
    uint64_t redriven_spoilt_ = 0;  // records that stood in the segment
    uint64_t least_moved_ = 0;
    uint64_t most_moved_ = 0;
    uint64_t kills_ = 0;

    uint64_t configuration_ = 1;  // counts reloads
    bool curse_is_due_ = false;
    std::string cursed_;  // the slot whose writers end with their next write
    uint64_t ended_by_curse_ = 0;
    bool has_ended_thread_ = false;

    const SimFiles* operator_ = nullptr;  // momentoctl, while it runs
    Mishap operator_killed_ = Mishap::count;
    bool operator_notes_ = true;  // its cursors can be written

    // What dead processes had not synced, and a power loss may take back.
    std::vector<SimEvent*> unsynced_releases_;
    std::vector<SimEvent*> unsynced_records_;

    std::vector<std::string> alerts_;
};

// Runs World::play() and catches what it throws: its violations.
struct Outcome {
    std::vector<std::string> violations;
    std::vector<std::string> story;
};
Outcome play_seed(uint64_t seed, Coverage& coverage, bool telling);

}  // namespace momento::sim
