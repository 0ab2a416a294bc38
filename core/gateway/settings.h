// What the configuration says, immutable once read. Built by the directives (or a test),
// shared by everything that runs as shared_ptr<const GatewaySettings>.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "aws/credentials.h"
#include "aws/endpoints.h"
#include "base/result.h"
#include "delivery/loop.h"
#include "ingest/secret_set.h"
#include "ingest/secrets.h"
#include "spool/log.h"

namespace momento {

struct DestinationSettings {
    enum class Kind { eventbridge, file };

    std::string name;  // [A-Za-z0-9_-]{1,64}
    Kind kind = Kind::eventbridge;

    std::string bus;        // eventbridge: name or ARN
    std::string file_path;  // file: absolute

    std::string region;                    // empty: found out, see resolve() and needs_region()
    std::string endpoint;                  // URL; empty: from the region
    aws::Endpoint service;                 // filled in by resolve()
    aws::Endpoint sts;                     // for roles; filled in by resolve()
    std::string proxy;                     // URL; empty: the environment's
    aws::EnvironmentSnapshot environment;  // with the profile's say; filled in by resolve()
    aws::CredentialsSettings credentials;
    std::string source = "Momento";
    size_t batch_entries = 10;
    size_t batch_bytes = 256 * 1024;
    int64_t linger_ms = 5;
    size_t connections = 64;
    int64_t connect_timeout_ms = 3'000;
    int64_t total_timeout_ms = 10'000;
    RetrySettings retry;
    int64_t retain_ms = 0;                   // of its log: SpoolSettings::retain_ms
    uint64_t dead_letter_size = 256u << 20;  // bound of one worker's dead letters, in bytes
    std::string dead_letter_queue;           // URL in SQS; empty: they stay in the spool
    aws::Endpoint queue_service;             // filled in by resolve()
    aws::Endpoint queue_sts;                 // for roles, in the queue's region; likewise
    std::string trusted_certificate;         // PEM file; empty: the environment's
};

// A secret that may change while it is used: in a file, or in AWS Secrets Manager.
struct SecretSettings {
    SecretSource source;
    std::shared_ptr<const SecretSet> known;  // file: as the master knows it
    int64_t known_ms = 0;                    // when it was read, wall clock
    aws::Endpoint service;                   // secretsmanager: filled in by resolve()
    aws::Endpoint sts;                       // for roles; filled in by resolve()
    aws::EnvironmentSnapshot environment;    // with the profile's say; filled in by resolve()
};

// What log lines say of webhooks and gates of one name.
struct WebhookSettings {
    std::string label;                 // in the metrics
    std::vector<std::string> secrets;  // their sources
    bool is_gate = false;              // all of them
};

struct GatewaySettings {
    SpoolSettings spool;
    std::vector<DestinationSettings> destinations;
    std::vector<SecretSettings> secrets;
    std::vector<WebhookSettings> webhooks;
    int64_t read_ms = 0;  // when they were read, wall clock
};

// Whole sentences, for whoever reads the configuration.
using Warnings = std::vector<std::string>;

// Fills in what the settings leave open and the environment or a profile file knows
// (region, endpoints, proxy, certificates), and refuses what cannot work: a bus ARN that
// contradicts the region, a version 2 bus, a FIFO queue, an endpoint or proxy that is no URL.
// Called while the configuration is read; does no network. The error names the setting and
// the value. Adds to `warnings`.
Status resolve(DestinationSettings& settings, const aws::EnvironmentSnapshot& environment,
               Warnings& warnings);

// After resolve(): only the instance's metadata can tell the region, when it runs.
bool needs_region(const DestinationSettings& settings);

// What resolve() left open for want of a region.
Status resolve_in_region(DestinationSettings& settings, const std::string& region);

// The same for a secret of AWS Secrets Manager: its region is that of its ARN, or else the
// environment's or the default profile's. Refuses what is neither a name nor an ARN.
Status resolve(SecretSettings& settings, const aws::EnvironmentSnapshot& environment,
               Warnings& warnings);

// The least that the size of a log may be, in bytes.
uint64_t smallest_log(const SpoolSettings& settings);

// The refusals of a spool's numbers: size, segment.
Status check(const SpoolSettings& settings);

}  // namespace momento
