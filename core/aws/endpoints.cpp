#include "aws/endpoints.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/enum_table.h"
#include "http/environment_proxy.h"

namespace momento::aws {
namespace {

struct Partition {
    const char* region_prefix;
    const char* suffix;
    const char* dual_stack_suffix;
    bool is_government;
    bool predates_dual_stack;
};

// The last one takes every region no other one does, also those of the future.
constexpr Partition partitions[] = {
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", false, true},
    {"us-gov-", "amazonaws.com", "api.aws", true, true},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu", false, false},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov", false, false},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud", false, false},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", false, false},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", false, false},
    {"", "amazonaws.com", "api.aws", false, true},
};

struct ServiceNames {
    const char* host;      // first label; the signing name too
    const char* variable;  // the end of AWS_ENDPOINT_URL_…
    const char* profile;   // its key in a profile's services section

    // The plain host of GovCloud regions is the FIPS one.
    bool government_plain_is_fips;
    bool government_dual_stack_is_fips;
    // Where it predates dual-stack names, its plain host answers both address families.
    bool dual_stack_on_plain_host;
};

constexpr char china_prefix[] = "cn-";

// Where "legacy" of AWS_STS_REGIONAL_ENDPOINTS means STS's only former endpoint.
constexpr const char* legacy_sts_regions[] = {
    "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
    "eu-central-1",   "eu-north-1", "eu-west-1",      "eu-west-2",      "eu-west-3",
    "sa-east-1",      "us-east-1",  "us-east-2",      "us-west-1",      "us-west-2"};
constexpr char legacy_sts_url[] = "https://sts.amazonaws.com";
constexpr char legacy_sts_region[] = "us-east-1";

constexpr char fips_variable[] = "AWS_USE_FIPS_ENDPOINT";
constexpr char dual_stack_variable[] = "AWS_USE_DUALSTACK_ENDPOINT";
constexpr char ca_variable_name[] = "AWS_CA_BUNDLE";
constexpr char url_variable[] = "AWS_ENDPOINT_URL";

constexpr auto services = enum_table<Service, ServiceNames>({
    {Service::eventbridge, {"events", "EVENTBRIDGE", "eventbridge", true, true, false}},
    {Service::sqs, {"sqs", "SQS", "sqs", true, false, false}},
    {Service::secrets_manager,
     {"secretsmanager", "SECRETS_MANAGER", "secrets_manager", false, false, true}},
    {Service::sts, {"sts", "STS", "sts", true, false, false}},
});

const Partition& partition_of(const std::string& region) {
    return *std::find_if(std::begin(partitions), std::end(partitions),
                         [&](const auto& p) { return region.rfind(p.region_prefix, 0) == 0; });
}

bool is_true(const std::string& value) {
    return lower_case(value) == "true";
}

// A region becomes part of a host name.
Status check_region(const std::string& region) {
    bool fits =
        !region.empty() && region.size() <= 63 && region.front() != '-' && region.back() != '-';
    for (char c : region) fits = fits && (is_digit(c) || (c >= 'a' && c <= 'z') || c == '-');
    if (fits) return {};
    return Error{"\"" + region + "\" is not an AWS region: write it like \"us-west-2\""};
}

// Source: partitions.json of the AWS SDKs.
constexpr std::string_view known_regions[] = {
    "af-south-1",     "ap-east-1",      "ap-east-2",      "ap-northeast-1", "ap-northeast-2",
    "ap-northeast-3", "ap-south-1",     "ap-south-2",     "ap-southeast-1", "ap-southeast-2",
    "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
    "ca-central-1",   "ca-west-1",      "cn-north-1",     "cn-northwest-1", "eu-central-1",
    "eu-central-2",   "eu-north-1",     "eu-south-1",     "eu-south-2",     "eu-west-1",
    "eu-west-2",      "eu-west-3",      "eusc-de-east-1", "il-central-1",   "me-central-1",
    "me-south-1",     "mx-central-1",   "sa-east-1",      "us-east-1",      "us-east-2",
    "us-gov-east-1",  "us-gov-west-1",  "us-west-1",      "us-west-2"};
constexpr std::string_view isolated = "-iso";  // us-iso, us-isob, eu-isoe, us-isof

// "us-" of "us-west-2".
std::string_view area_of(std::string_view region) {
    return region.substr(0, region.find('-') + 1);
}

std::string regional_host(const ServiceNames& names, const std::string& region, bool fips,
                          bool dual_stack) {
    const Partition& partition = partition_of(region);
    if (names.dual_stack_on_plain_host && partition.predates_dual_stack) {
        dual_stack = dual_stack && fips && region.rfind(china_prefix, 0) == 0;
    }
    if (partition.is_government) {
        fips = fips && !(dual_stack ? names.government_dual_stack_is_fips
                                    : names.government_plain_is_fips);
    }
    return std::string(names.host) + (fips ? "-fips." : ".") + region + '.' +
           (dual_stack ? partition.dual_stack_suffix : partition.suffix);
}

std::string url_variable_of(const ServiceNames& names) {
    return std::string(url_variable) + '_' + names.variable;
}

// The configured endpoint that counts, and what it was configured by.
std::pair<std::string, std::string> configured_url(const ServiceNames& names,
                                                   const EnvironmentSnapshot& env,
                                                   const std::string& directive) {
    if (!directive.empty()) return {directive, "the endpoint directive"};
    if (is_true(env.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))) return {};
    for (const std::string& variable : {url_variable_of(names), std::string(url_variable)}) {
        if (!env.get(variable).empty()) return {env.get(variable), env.source(variable)};
    }
    return {};
}

bool is_legacy_sts(Service service, const std::string& region, const EnvironmentSnapshot& env) {
    return service == Service::sts &&
           lower_case(env.get("AWS_STS_REGIONAL_ENDPOINTS")) == "legacy" &&
           std::find(std::begin(legacy_sts_regions), std::end(legacy_sts_regions), region) !=
               std::end(legacy_sts_regions);
}

Result<Endpoint> make_endpoint(const std::string& text, const std::string& configured_by,
                               const std::string& region, const ServiceNames& names) {
    Result<Url> url = parse_url(text);
    if (!url) return Error{configured_by + ": " + url.error().text};
    if (!url->query.empty()) {
        return Error{configured_by + ": \"" + text + "\" has a query: remove it"};
    }
    Endpoint endpoint;
    endpoint.url = std::move(*url);
    endpoint.signing_region = region;
    endpoint.signing_name = names.host;
    return endpoint;
}

Result<Endpoint> find_endpoint(Service service, const std::string& region,
                               const EnvironmentSnapshot& env, const std::string& directive) {
    const ServiceNames& names = services[service];
    const bool fips = is_true(env.get(fips_variable));
    const bool dual_stack = is_true(env.get(dual_stack_variable));
    const auto [text, configured_by] = configured_url(names, env, directive);
    if (!text.empty() && (fips || dual_stack)) {
        return Error{env.source(fips ? fips_variable : dual_stack_variable) +
                     " contradicts the endpoint \"" + text + "\" of " + configured_by +
                     ": remove one of them"};
    }
    if (!text.empty()) return make_endpoint(text, configured_by, region, names);
    if (!fips && !dual_stack && is_legacy_sts(service, region, env)) {
        return make_endpoint(legacy_sts_url, {}, legacy_sts_region, names);
    }
    return make_endpoint("https://" + regional_host(names, region, fips, dual_stack), {},
                         region, names);
}

const char* ca_variable(const EnvironmentSnapshot& env) {
    return env.get(ca_variable_name).empty() ? "REQUESTS_CA_BUNDLE" : ca_variable_name;
}

bool is_account(std::string_view text) {
    return text.size() == 12 && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_bus_name(std::string_view text) {
    constexpr size_t max_length = 256;
    return !text.empty() && text.size() <= max_length &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
           });
}

bool is_secret_name(std::string_view text) {
    constexpr size_t max_length = 512;
    constexpr std::string_view punctuation = "/_+=.@-";
    return !text.empty() && text.size() <= max_length &&
           std::all_of(text.begin(), text.end(), [punctuation](char c) {
               return is_alphanumeric(c) || punctuation.find(c) != std::string_view::npos;
           });
}

// Takes what stands before the next `mark` off the front, and the mark with it.
std::string_view take_until(std::string_view& text, char mark) {
    std::string_view part = text.substr(0, text.find(mark));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return part;
}

Error malformed_bus(std::string_view text, const char* why) {
    return {"\"" + std::string(text) + "\" is not an event bus: " + why};
}

}  // namespace

std::vector<ServiceSetting> endpoint_settings() {
    std::vector<ServiceSetting> settings;
    for (const ServiceNames& names : services.values) {
        settings.push_back({names.profile, url_variable_of(names)});
    }
    return settings;
}

std::string trusted_certificates(const EnvironmentSnapshot& env) {
    return env.get(ca_variable(env));
}

std::string trusted_certificates_source(const EnvironmentSnapshot& env) {
    return env.source(ca_variable(env));
}

std::optional<std::string> doubt_region(const std::string& region) {
    const auto* known = std::find(std::begin(known_regions), std::end(known_regions), region);
    if (known != std::end(known_regions) || region.find(isolated) != std::string::npos) {
        return std::nullopt;
    }
    std::string list;
    for (const std::string_view each : known_regions) {
        if (area_of(each) != area_of(region)) continue;
        list += (list.empty() ? "\"" : ", \"") + std::string(each) + '"';
    }
    return "\"" + region + "\" is no region that is known here: " +
           (list.empty() ? "write it like \"us-west-2\"" : "there are " + list);
}

Result<Endpoint> resolve_endpoint(Service service, const std::string& region,
                                  const EnvironmentSnapshot& env, const Reach& directives) {
    Status checked = check_region(region);
    if (!checked) return checked.error();
    Result<Endpoint> endpoint = find_endpoint(service, region, env, directives.endpoint);
    if (!endpoint) return endpoint;

    endpoint->proxy = directives.proxy;
    if (directives.proxy.empty() && endpoint->url.scheme == "https" &&
        !is_without_proxy(endpoint->url, env.get("NO_PROXY"))) {
        endpoint->proxy = env.get("HTTPS_PROXY");
        if (!endpoint->proxy.empty()) endpoint->proxy = with_scheme(endpoint->proxy);
    }
    endpoint->trusted_certificate = directives.trusted_certificate.empty()
                                        ? trusted_certificates(env)
                                        : directives.trusted_certificate;
    return endpoint;
}

Result<BusReference> parse_bus(std::string_view text) {
    BusReference bus;
    bus.name_or_arn = text;
    if (text.substr(0, 4) != "arn:") {
        if (!is_bus_name(text)) {
            return malformed_bus(text,
                                 "a name has up to 256 letters, digits, \".\", \"-\", "
                                 "\"_\"");
        }
        bus.name = text;
        return bus;
    }

    std::string_view rest = text.substr(4);
    std::string_view partition = take_until(rest, ':');
    std::string_view service = take_until(rest, ':');
    bus.region = take_until(rest, ':');
    bus.account = take_until(rest, ':');
    std::string_view type = take_until(rest, '/');
    bus.name = rest;
    if (type == "event-busv2") {
        return Error{"\"" + std::string(text) +
                     "\" is a version 2 bus; these are not "
                     "supported yet: use a classic event bus (\"…:event-bus/NAME\")"};
    }
    bool fits = partition.substr(0, 3) == "aws" && service == "events" && type == "event-bus" &&
                check_region(bus.region) && is_account(bus.account) && is_bus_name(bus.name);
    if (!fits) {
        return malformed_bus(text, "write \"arn:aws:events:REGION:ACCOUNT:event-bus/NAME\"");
    }
    return bus;
}

Result<std::string> secret_region(std::string_view id) {
    std::string_view rest = id;
    if (take_until(rest, ':') != "arn") {
        if (is_secret_name(id)) return std::string();
        return Error{"\"" + std::string(id) +
                     "\" is not a secret's name: up to 512 letters, digits, or \"/_+=.@-\""};
    }
    const std::string_view partition = take_until(rest, ':');
    const std::string_view service = take_until(rest, ':');
    const std::string_view region = take_until(rest, ':');
    const std::string_view account = take_until(rest, ':');
    const std::string_view type = take_until(rest, ':');
    const bool fits = partition.substr(0, 3) == "aws" && service == "secretsmanager" &&
                      check_region(std::string(region)) && is_account(account) &&
                      type == "secret" && is_secret_name(rest);
    if (fits) return std::string(region);
    return Error{"\"" + std::string(id) +
                 "\" is not the ARN of a secret: write "
                 "\"arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME\""};
}

Result<std::string> choose_region(const std::string& directive, const std::string& bus_region,
                                  const EnvironmentSnapshot& env) {
    if (!directive.empty() && !bus_region.empty() && directive != bus_region) {
        return Error{"region \"" + directive + "\" contradicts the bus, which is in \"" +
                     bus_region + "\": remove the region"};
    }
    for (const std::string* region :
         {&directive, &bus_region, &env.get("AWS_REGION"), &env.get("AWS_DEFAULT_REGION")}) {
        if (region->empty()) continue;
        Status checked = check_region(*region);
        if (!checked) return checked.error();
        return *region;
    }
    return std::string();
}

}  // namespace momento::aws
