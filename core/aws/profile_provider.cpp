// Credentials from a profile of the shared files; read again when one of them changes.
#include <sys/stat.h>

#include <tuple>

#include "aws/credentials.h"
#include "aws/profile_file.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

constexpr int64_t check_interval_us = 1'000'000;

// Tells one version of a file from another without reading it. All zero: not there.
using Fingerprint = std::tuple<dev_t, ino_t, off_t, time_t, long>;

Fingerprint fingerprint(const std::string& path) {
    struct stat info;
    if (path.empty() || stat(path.c_str(), &info) != 0) return {};
    return {info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
}

CredentialsAnswer failure(std::string text) {
    return {State::failed, nullptr, std::move(text)};
}

class ProfileProvider final : public CredentialsProvider {
  public:
    ProfileProvider(const EnvironmentSnapshot& env, const std::string& profile,
                    const Clock& clock)
        : clock_(clock),
          credentials_path_(profile_path(env, ProfileFileKind::credentials)),
          config_path_(profile_path(env, ProfileFileKind::config)),
          profile_(profile_name(env, profile)),
          only_source_(!profile.empty()),
          must_exist_(only_source_ || !env.get("AWS_PROFILE").empty()) {}

    const char* name() const override { return "profile"; }

    CredentialsAnswer get() override {
        int64_t now_us = clock_.steady_us();
        if (!current_ || now_us - checked_us_ >= check_interval_us) {
            checked_us_ = now_us;
            // Taken before reading: a change meanwhile shows at the next check.
            auto seen = std::make_pair(fingerprint(credentials_path_.path),
                                       fingerprint(config_path_.path));
            if (!current_ || seen != seen_) answer_ = read();
            seen_ = seen;
            current_ = true;
        }
        return answer_;
    }

    void invalidate() override { current_ = false; }

  private:
    CredentialsAnswer read() const {
        auto credentials = read_profile_file(credentials_path_, ProfileFileKind::credentials);
        if (!credentials) return failure(credentials.error().text);
        auto config = read_profile_file(config_path_, ProfileFileKind::config);
        if (!config) return failure(config.error().text);
        return pick({std::move(*credentials), std::move(*config)});
    }

    CredentialsAnswer pick(const ProfileFiles& files) const {
        std::string subject = "profile \"" + profile_ + "\"";
        if (!files.has(profile_)) {
            if (!must_exist_) return {};
            return failure(subject + " is not in \"" + credentials_path_.path + "\" or \"" +
                           config_path_.path +
                           "\": add it, and let the worker's user read the file");
        }
        // As in AWS's tools, a role goes before keys in the same profile.
        if (!files.get(profile_, "role_arn").empty()) {
            return failure(subject + " needs \"role_arn\", which is not supported yet: " +
                           "use a profile with keys");
        }

        // All of a set comes from one file: a token belongs to its key.
        for (const ProfileFile* file : {&files.credentials, &files.config}) {
            auto credentials = std::make_shared<Credentials>();
            credentials->access_key_id = file->get(profile_, "aws_access_key_id");
            credentials->secret_access_key = file->get(profile_, "aws_secret_access_key");
            credentials->session_token = file->get(profile_, "aws_session_token");
            if (credentials->access_key_id.empty()) continue;
            if (credentials->secret_access_key.empty()) {
                return failure(subject + " has \"aws_access_key_id\" without " +
                               "\"aws_secret_access_key\": set both");
            }
            return {State::ready, std::move(credentials), {}};
        }

        for (const char* other :
             {"credential_process", "sso_session", "sso_start_url", "login_session"}) {
            if (files.get(profile_, other).empty()) continue;
            return failure(subject + " needs \"" + other +
                           "\", which is not supported: " + "use a profile with keys");
        }
        if (!only_source_) return {};
        return failure(subject + " has no \"aws_access_key_id\": add keys to it");
    }

    const Clock& clock_;
    const ProfilePath credentials_path_;
    const ProfilePath config_path_;
    const std::string profile_;
    const bool only_source_;  // named by the directive: nobody else is asked
    const bool must_exist_;   // named by somebody

    bool current_ = false;
    int64_t checked_us_ = 0;
    std::pair<Fingerprint, Fingerprint> seen_;
    CredentialsAnswer answer_;
};

}  // namespace

std::unique_ptr<CredentialsProvider> make_profile_provider(const EnvironmentSnapshot& env,
                                                           std::string profile,
                                                           const Clock& clock) {
    return std::make_unique<ProfileProvider>(env, profile, clock);
}

}  // namespace momento::aws
