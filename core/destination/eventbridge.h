// Puts events on an EventBridge bus: PutEvents of the classic API (putevents.h), signed
// with Signature Version 4, over an HttpClient.
//
// Belongs to the delivery thread. Nothing is sent without
// credentials: a batch waits a little for them, then it is held. What AWS says against
// credentials or clock is tried once more with fresh ones before it counts (see
// aws::ServiceClient). The first batch waits until the bus was looked up; while it is known to
// be missing, batches are held unsent. Destroy the HttpClient's transfers first: their
// callbacks lead here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aws/credentials.h"
#include "aws/endpoints.h"
#include "aws/service_client.h"
#include "base/result.h"
#include "destination/bus_guard.h"
#include "destination/destination.h"
#include "destination/putevents.h"

namespace momento {

struct DestinationKind;
struct TargetSettings;

extern const DestinationKind eventbridge_kind;

// After resolve(): only the instance's metadata can tell the region, when it runs.
bool needs_region(const TargetSettings& settings);

// What resolve() left open for want of a region.
Status resolve_in_region(TargetSettings& settings, const std::string& region);

struct EventBridgeSettings {
    std::string name;  // of the destination, for log lines
    std::string bus;   // name or ARN
    std::string source = "Momento";
    aws::Endpoint endpoint;
    BatchLimits limits;  // as configured: a request's entries together stay below `bytes`
    size_t connections = 64;
    int64_t connect_timeout_ms = 3'000;
    int64_t total_timeout_ms = 10'000;
};

// What the bus is watched with (bus_guard.h); nothing set: it is not.
struct BusWatch {
    Random* random = nullptr;
    BusCell* cell = nullptr;  // shared by the workers
};

class EventBridge final : public Destination {
  public:
    EventBridge(EventBridgeSettings settings,
                std::shared_ptr<aws::CredentialsProvider> credentials,
                const aws::ServiceTools& tools, BusWatch watch = {});

    BatchLimits limits() const override;
    size_t entry_size(const Record& record) const override {
        return encoder_.entry_size(record);
    }
    void send(std::vector<const Record*> batch, Done done) override;
    void step() override;
    void stop_sending() override;
    size_t max_in_flight() const override { return settings_.connections; }

    DestinationState state() const override {
        return {client_.server_clock().offset_ms(), client_.credentials_expires_ms()};
    }

  private:
    struct Batch {
        std::vector<const Record*> records;
        Done done;
    };

    void put(Batch batch);
    void release_waiting();

    const EventBridgeSettings settings_;
    const PutEventsEncoder encoder_;
    aws::ServiceClient client_;
    std::optional<BusGuard> guard_;
    bool stopping_ = false;
    std::vector<Batch> waiting_;  // for the guard's word
};

}  // namespace momento
