#include "aws/configuration.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "aws/endpoints.h"
#include "aws/profile_file.h"
#include "base/ascii.h"

namespace momento::aws {
namespace {

constexpr size_t most_problems = 5;  // of one file that are told of

// A profile's setting, and the variable that says the same and goes first.
struct Convention {
    const char* setting;
    const char* variable;
};

constexpr Convention heeded[] = {
    {"ca_bundle", "AWS_CA_BUNDLE"},
    {"ec2_metadata_service_endpoint", "AWS_EC2_METADATA_SERVICE_ENDPOINT"},
    {"ec2_metadata_service_endpoint_mode", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"},
    {"ec2_metadata_v1_disabled", "AWS_EC2_METADATA_V1_DISABLED"},
    {"endpoint_url", "AWS_ENDPOINT_URL"},
    {"ignore_configured_endpoint_urls", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"},
    {"imds_use_ipv6", "AWS_IMDS_USE_IPV6"},
    {"metadata_service_num_attempts", "AWS_METADATA_SERVICE_NUM_ATTEMPTS"},
    {"metadata_service_timeout", "AWS_METADATA_SERVICE_TIMEOUT"},
    {"region", "AWS_DEFAULT_REGION"},
    {"sts_regional_endpoints", "AWS_STS_REGIONAL_ENDPOINTS"},
    {"use_dualstack_endpoint", "AWS_USE_DUALSTACK_ENDPOINT"},
    {"use_fips_endpoint", "AWS_USE_FIPS_ENDPOINT"},
};

// botocore takes every other word for "false": somebody who wrote "yes" meant something else.
constexpr const char* truth_variables[] = {
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
};

// What botocore knows for these services, and what stands for it here. `variable` may be
// nullptr.
struct Ignored {
    const char* setting;
    const char* variable;
    const char* instead;
};

constexpr char own_retries[] = "\"retry\" of the destination counts";
constexpr char own_models[] = "hosts and requests are built in";
constexpr char own_signature[] = "requests are signed with SigV4";

constexpr Ignored ignored[] = {
    {"api_versions", nullptr, own_models},
    {"auth_scheme_preference", "AWS_AUTH_SCHEME_PREFERENCE", own_signature},
    {"csm_enabled", "AWS_CSM_ENABLED", "nothing is sent to a monitoring agent"},
    {"data_path", "AWS_DATA_PATH", own_models},
    {"defaults_mode", "AWS_DEFAULTS_MODE",
     "\"timeout\" and \"retry\" of the destination count"},
    {"max_attempts", "AWS_MAX_ATTEMPTS", own_retries},
    {"parameter_validation", nullptr, "events are checked in any case"},
    {"retry_mode", "AWS_RETRY_MODE", own_retries},
    {"sdk_ua_app_id", "AWS_SDK_UA_APP_ID", "the user agent has no application in it"},
    {"sigv4a_signing_region_set", "AWS_SIGV4A_SIGNING_REGION_SET", own_signature},
    {"tcp_keepalive", nullptr, "idle connections end after 20 seconds"},
};

class ConfigurationReader {
  public:
    ConfigurationReader(const EnvironmentSnapshot& env, const ProfileFiles& files,
                        std::string profile)
        : env_(env), files_(files), profile_(std::move(profile)) {}

    Result<Configuration> read() {
        for (Status (ConfigurationReader::*step)() :
             {&ConfigurationReader::check_profiles, &ConfigurationReader::take_heeded,
              &ConfigurationReader::take_services}) {
            if (Status status = (this->*step)(); !status) return status.error();
        }
        std::vector<std::string> present;
        for (const ProfileFile* file : {&files_.credentials, &files_.config}) {
            if (!file->path.empty()) present.push_back(file->path);
        }
        Configuration configuration;
        configuration.environment = env_.with(values_, std::move(present));
        if (Status status = check_words(configuration.environment); !status) {
            return status.error();
        }
        warn_of_ignored();
        warn_of_problems(files_.credentials);
        warn_of_problems(files_.config);
        configuration.warnings = std::move(warnings_);
        return configuration;
    }

  private:
    // The profile, and those whose credentials it uses.
    Status check_profiles() {
        std::string profile = profile_;
        while (!profile.empty() && used_.insert(profile).second) {
            if (Status status = files_.check(profile); !status) {
                return Error{status.error().text + ", and profile \"" + profile +
                             "\" is in use: correct it"};
            }
            profile = files_.get(profile, "source_profile");
        }
        return {};
    }

    Status take_heeded() {
        for (const Convention& convention : heeded)
            take(convention.variable, convention.setting);
        if (!env_.get("AWS_REGION").empty()) values_.erase("AWS_DEFAULT_REGION");
        return {};
    }

    // A service's own endpoint in the profile goes before the profile's for all of them, and
    // behind every variable.
    Status take_services() {
        const std::string& name = files_.get(profile_, "services");
        if (name.empty() || !env_.get("AWS_ENDPOINT_URL").empty()) return {};
        const auto ignoring = values_.find("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
        const std::string& ignores = ignoring == values_.end()
                                         ? env_.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
                                         : ignoring->second.text;
        if (lower_case(ignores) == "true") return {};

        const std::string where = files_.describe(profile_, "services");
        const auto section = files_.config.services.find(name);
        if (section == files_.config.services.end()) {
            return Error{where + " names \"" + name + "\": there is no section \"[services " +
                         name + "]\" in " + quoted_config()};
        }
        if (Status status = files_.check_services(name); !status) {
            return Error{status.error().text + ", and " + where + " uses it: correct it"};
        }
        for (const ServiceSetting& service : endpoint_settings()) {
            const std::string setting = std::string(service.name) + ".endpoint_url";
            const auto found = section->second.settings.find(setting);
            if (found == section->second.settings.end() || found->second.value.empty())
                continue;
            if (!env_.get(service.variable).empty()) continue;
            values_[service.variable] = {found->second.value,
                                         "\"endpoint_url\" of \"" + std::string(service.name) +
                                             "\" (" + files_.config.place(found->second.line) +
                                             ')'};
        }
        return {};
    }

    void take(const char* variable, const char* setting) {
        const std::string& value = files_.get(profile_, setting);
        if (value.empty() || !env_.get(variable).empty()) return;
        values_[variable] = {value, files_.describe(profile_, setting)};
    }

    static Status check_words(const EnvironmentSnapshot& env) {
        const auto check = [&env](const char* variable, const char* one, const char* other) {
            const std::string word = lower_case(env.get(variable));
            if (word.empty() || word == one || word == other) return Status();
            return Status(Error{env.source(variable) + " is \"" + env.get(variable) + "\": \"" +
                                one + "\" or \"" + other + "\" is expected"});
        };
        for (const char* variable : truth_variables) {
            if (Status status = check(variable, "true", "false"); !status) return status;
        }
        return check("AWS_STS_REGIONAL_ENDPOINTS", "regional", "legacy");
    }

    void warn_of_ignored() {
        const auto warn = [this](const std::string& what, const char* instead) {
            warnings_.push_back(what + " is not heeded: " + instead);
        };
        for (const Ignored& each : ignored) {
            if (each.variable != nullptr && !env_.get(each.variable).empty()) {
                warn(each.variable, each.instead);
            } else if (!files_.get(profile_, each.setting).empty()) {
                warn(files_.describe(profile_, each.setting), each.instead);
            }
        }
    }

    // Those of what is in use were refused.
    void warn_of_problems(const ProfileFile& file) {
        for (size_t i = 0; i < file.problems.size(); ++i) {
            const ProfileProblem& problem = file.problems[i];
            if (i == most_problems && file.problems.size() > i + 1) {
                warnings_.push_back(quoted(file.path) + ": " +
                                    std::to_string(file.problems.size() - i) +
                                    " more lines cannot be read and are passed over");
                return;
            }
            warnings_.push_back(file.place(problem.line) + ": " + problem.text +
                                "; passed over, but AWS's tools refuse the whole file for it");
        }
    }

    static std::string quoted(const std::string& text) { return '"' + text + '"'; }
    std::string quoted_config() const {
        return files_.config.path.empty() ? "a config file" : quoted(files_.config.path);
    }

    const EnvironmentSnapshot& env_;
    const ProfileFiles& files_;
    const std::string profile_;
    std::set<std::string> used_;  // profiles
    std::map<std::string, EnvironmentSnapshot::Value> values_;
    std::vector<std::string> warnings_;
};

}  // namespace

Result<Configuration> read_configuration(const EnvironmentSnapshot& env,
                                         const std::string& profile) {
    const std::string& one = env.get("AWS_PROFILE");
    const std::string& other = env.get("AWS_DEFAULT_PROFILE");
    if (profile.empty() && !one.empty() && !other.empty() && one != other) {
        return Error{"AWS_PROFILE is \"" + one + "\" and AWS_DEFAULT_PROFILE is \"" + other +
                     "\", and AWS's tools disagree about which one counts: remove one"};
    }
    const Result<ProfileFiles> files = read_profile_files(env);
    if (!files) return files.error();
    return ConfigurationReader(env, *files, profile_name(env, profile)).read();
}

}  // namespace momento::aws
