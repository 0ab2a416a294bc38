#include "aws/resolving.h"

#include <utility>

#include "aws/configuration.h"
#include "http/certificates.h"
#include "http/environment_proxy.h"
#include "http/url.h"

namespace momento::aws {
namespace {

// What the environment says about the way to AWS, where a directive does not.
Status check_way(const EnvironmentSnapshot& env, const Reach& directives) {
    if (!directives.proxy.empty()) {
        if (Status proxy = check_proxy_url(directives.proxy); !proxy) return proxy;
    } else if (const std::string& proxy = env.get("HTTPS_PROXY"); !proxy.empty()) {
        if (Status status = check_proxy_url(with_scheme(proxy)); !status) {
            return Error{env.source("HTTPS_PROXY") + ": " + status.error().text};
        }
    }
    const std::string certificates = trusted_certificates(env);
    if (!directives.trusted_certificate.empty() || certificates.empty()) return {};
    if (Status status = check_certificates(certificates); !status) {
        return Error{trusted_certificates_source(env) + " \"" + certificates +
                     "\" cannot be used: " + status.error().text};
    }
    return {};
}

}  // namespace

Result<EnvironmentSnapshot> read_environment(const EnvironmentSnapshot& env,
                                             const std::string& profile,
                                             const Reach& directives, Warnings& warnings) {
    auto configuration = read_configuration(env, profile);
    if (!configuration) return configuration.error();
    if (Status way = check_way(configuration->environment, directives); !way) {
        return way.error();
    }
    for (std::string& warning : configuration->warnings) {
        warnings.push_back(std::move(warning));
    }
    return configuration->environment;
}

void doubt_region_of(const Endpoint& service, Warnings& warnings) {
    const bool is_regional =
        service.url.host.find('.' + service.signing_region + '.') != std::string::npos;
    if (!is_regional) return;
    if (auto doubt = doubt_region(service.signing_region)) {
        warnings.push_back(*std::move(doubt));
    }
}

}  // namespace momento::aws
