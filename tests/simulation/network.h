// A network with a simulated EventBridge behind it, and the HTTP client of one process.
//
// A request arrives, or not; the bus acts, or not; the answer comes back, whole or in part,
// or not. What the bus took is in the ledger, whatever its client is told. What is on its
// way when its client dies may still arrive.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/client.h"
#include "ledger.h"
#include "stage.h"

namespace momento::sim {

// What becomes of a request.
enum class Course {
    good,
    slow,
    not_connected,
    connect_timeout,
    lost_unseen,
    lost_published,
    reset_unseen,
    reset_published,
    server_error_unseen,
    server_error_published,
    cut_answer,
    throttled,
    forbidden,
    count,
};

struct Weather {
    double trouble = 0;           // how many requests take one of these courses
    std::vector<Course> courses;  // not empty if there is trouble
    double entry_trouble = 0;     // how many entries of good requests fail
};

// An event of which its sender knows that it was published.
struct Delivered {
    SimEvent* event;
    int64_t us;
};

class SimHttp;

class SimNetwork {
  public:
    SimNetwork(Stage& stage, Ledger& ledger) : stage_(stage), ledger_(ledger) {}

    Weather weather;
    bool moved = false;  // events of any destination may have been moved to the first one

    static std::string bus_name(size_t destination) {
        return "bus" + std::to_string(destination);
    }

  private:
    friend class SimHttp;

    struct Transfer {
        HttpRequest request;
        HttpClient::Done done;
        Course course = Course::good;
        SimHttp* client = nullptr;  // none: it was told an end, or is dead
        int64_t started_us = 0;
        int64_t settles_us = INT64_MAX;
        HttpResult result;
        std::vector<SimEvent*> published;
    };
    using TransferPtr = std::shared_ptr<Transfer>;

    void send(const TransferPtr& transfer);
    void arrive(const TransferPtr& transfer);
    void answer(Transfer& transfer, int64_t delay_us);
    void fail(Transfer& transfer, HttpFailure::Stage stage, int64_t delay_us, const char* text);
    void take(Transfer& transfer);
    std::string take_entries(Transfer& transfer, bool& forbidden);
    void publish(SimEvent& event, Transfer& transfer);
    void refuse(SimEvent& event, Transfer& transfer);
    bool refuse_signature(Transfer& transfer);
    void respond(Transfer& transfer, int status, std::string body);
    void respond_error(Transfer& transfer, int status, const std::string& code);
    Course draw();

    Stage& stage_;
    Ledger& ledger_;
    uint64_t next_event_id_ = 1;
};

class SimHttp final : public HttpClient {
  public:
    // `process` names it in the story.
    SimHttp(SimNetwork& network, Stage& stage, std::string process)
        : network_(network), stage_(stage), process_(std::move(process)) {}
    ~SimHttp() override { die(); }

    void start(HttpRequest request, Done done) override;
    void run(int64_t timeout_ms) override;
    void gather_answers(int64_t) override {}
    void wake() override;
    void cancel_all() override;
    size_t in_flight() const override { return transfers_.size(); }

    // When who waits in run() goes on.
    int64_t due_us() const;
    void woken() { woken_us_ = INT64_MAX; }

    // The process is gone: nobody is told anything, and what the bus took may come again.
    void die();

    // What this process knows, oldest first; its owner drops what it need not remember.
    std::deque<Delivered> delivered;

  private:
    friend class SimNetwork;

    void finish(SimNetwork::Transfer& transfer);

    SimNetwork& network_;
    Stage& stage_;
    const std::string process_;
    std::vector<SimNetwork::TransferPtr> transfers_;
    int64_t waits_until_us_ = 0;
    int64_t woken_us_ = INT64_MAX;
};

}  // namespace momento::sim
