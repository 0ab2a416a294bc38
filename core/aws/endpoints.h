// Which host and region a request goes to, and how buses and secrets are named.
// Source: the endpoint rule sets and partitions.json of the AWS SDKs; "Service-specific
// endpoints", AWS SDKs and Tools Reference Guide.
//
// Pure functions, called while the configuration is read and by whoever builds clients.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.h"
#include "base/result.h"
#include "http/url.h"

namespace momento::aws {

enum class Service { eventbridge, sqs, secrets_manager, sts, count };

// Where a service is, and how it is reached.
struct Endpoint {
    Url url;                          // authority() is the host to sign
    std::string signing_region;       // where the credentials' scope is
    std::string signing_name;         // of the service
    std::string proxy;                // URL; empty: none
    std::string trusted_certificate;  // PEM file; empty: the system's
};

// What directives say about that; empty: nothing.
struct Reach {
    std::string endpoint;  // URL
    std::string proxy;
    std::string trusted_certificate;
};

// The URL, in this order: the directive, AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the
// region's own. Everything configured outside the directive is skipped if
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS says so. AWS_USE_FIPS_ENDPOINT and
// AWS_USE_DUALSTACK_ENDPOINT choose among a region's own, and contradict any other, as in the
// SDKs; so does AWS_STS_REGIONAL_ENDPOINTS.
//
// Without directives an https URL is reached through HTTPS_PROXY, but for the hosts of
// NO_PROXY, and the certificates of AWS_CA_BUNDLE, or else REQUESTS_CA_BUNDLE, are trusted.
//
// `env` went through read_configuration(), so that profiles had their say.
Result<Endpoint> resolve_endpoint(Service service, const std::string& region,
                                  const EnvironmentSnapshot& env, const Reach& directives = {});

// A region that no version of this code has heard of: what it may be. Nothing if it is known,
// or of a partition whose regions are not.
std::optional<std::string> doubt_region(const std::string& region);

// The file that holds the certificates to trust; empty: the system's. And what set it.
std::string trusted_certificates(const EnvironmentSnapshot& env);
std::string trusted_certificates_source(const EnvironmentSnapshot& env);

// A service's name in a profile's services section ("secrets_manager"), and the variable that
// says the same.
struct ServiceSetting {
    const char* name;
    std::string variable;
};
std::vector<ServiceSetting> endpoint_settings();

// A bus as PutEvents takes it.
struct BusReference {
    std::string name_or_arn;  // EventBusName
    std::string name;         // without the ARN around it
    std::string region;       // empty if given by name
    std::string account;      // empty if given by name
};

// Source: EventBusName in "PutEventsRequestEntry", Amazon EventBridge API Reference.
// Version 2 buses (ARN type "event-busv2") are refused: PutEvents cannot address them.
Result<BusReference> parse_bus(std::string_view text);

// The region of a secret that is given by its ARN, empty if given by its name. What is
// neither is refused.
// Source: Name in "CreateSecret", SecretId in "GetSecretValue", AWS Secrets Manager API
// Reference.
Result<std::string> secret_region(std::string_view id);

// The directive's region, the bus's, AWS_REGION, AWS_DEFAULT_REGION. Empty
// if none of them says anything: the instance may know. A directive that contradicts the
// bus is an error: EventBridge takes no events for another region's bus.
Result<std::string> choose_region(const std::string& directive, const std::string& bus_region,
                                  const EnvironmentSnapshot& env);

}  // namespace momento::aws
