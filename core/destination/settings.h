// What the configuration says of where a destination's events go, in parts: what every
// destination has, what speaks HTTP, what is AWS's, and the queue of its dead letters. Which
// parts count is the kind's to say (kind.h). Values; immutable once they are resolved.
#pragma once

#include <cstdint>
#include <string>

#include "aws/credentials.h"
#include "aws/endpoints.h"
#include "destination/destination.h"

namespace momento {

struct DestinationKind;

struct HttpPart {
    size_t connections = 64;
    int64_t connect_timeout_ms = 3'000;
    int64_t total_timeout_ms = 10'000;
    std::string proxy;                // URL; empty: the environment's
    std::string trusted_certificate;  // PEM file; empty: the environment's
};

struct AwsPart {
    std::string region;    // empty: found out, see resolve() and needs_region()
    std::string endpoint;  // URL; empty: from the region
    aws::CredentialsSettings credentials;

    // Filled in by resolve().
    aws::EnvironmentSnapshot environment;  // with the profile's say
    aws::Endpoint service;
    aws::Endpoint sts;  // for roles
};

// The queue that dead letters are moved to.
struct LetterQueuePart {
    std::string url;  // in SQS; empty: they stay in the spool

    // Filled in by resolve().
    aws::Endpoint service;
    aws::Endpoint sts;  // for roles, in the queue's region
};

struct TargetSettings {
    std::string name;  // of the destination: [A-Za-z0-9_-]{1,64}
    const DestinationKind* kind = nullptr;
    std::string target;  // what stands behind the kind's name: a bus, a path
    std::string source = "Momento";
    BatchLimits batch;
    HttpPart http;
    AwsPart aws;
    LetterQueuePart letter_queue;

    // For log lines.
    std::string subject() const { return "destination \"" + name + '"'; }
    Error error(const std::string& text) const { return Error{subject() + ": " + text}; }
};

}  // namespace momento
