// What the configuration says, immutable once read. Built by the directives (or a test),
// shared by everything that runs as shared_ptr<const GatewaySettings>.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "aws/endpoints.h"
#include "aws/resolving.h"
#include "base/result.h"
#include "delivery/loop.h"
#include "destination/kind.h"
#include "ingest/secret_set.h"
#include "ingest/secrets.h"
#include "spool/log.h"

namespace momento {

// A destination: where its events go, and how they are delivered there.
struct DestinationSettings : TargetSettings {
    int64_t linger_ms = 5;
    RetrySettings retry;
    int64_t retain_ms = 0;                   // of its log: SpoolSettings::retain_ms
    uint64_t dead_letter_size = 256u << 20;  // bound of one worker's dead letters, in bytes
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

// As resolve() of a destination (destination/kind.h), for a secret of AWS Secrets Manager: its
// region is that of its ARN, or else the environment's or the default profile's. Refuses what
// is neither a name nor an ARN.
Status resolve(SecretSettings& settings, const aws::EnvironmentSnapshot& environment,
               Warnings& warnings);

// The least that the size of a log may be, in bytes.
uint64_t smallest_log(const SpoolSettings& settings);

// The refusals of a spool's numbers: size, segment.
Status check(const SpoolSettings& settings);

}  // namespace momento
