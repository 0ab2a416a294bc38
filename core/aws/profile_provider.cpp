// Credentials from a profile of the shared files: its keys, or a role and whose credentials
// may assume it. Read again when one of the files changes.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "aws/profile_file.h"
#include "aws/providers.h"

namespace momento::aws {
namespace {

using State = CredentialsAnswer::State;

constexpr char profile_provider_name[] = "profile";
constexpr int64_t check_interval_us = 1'000'000;

ProviderPtr fixed(CredentialsAnswer answer) {
    return make_fixed_provider(profile_provider_name, std::move(answer));
}

ProviderPtr fixed_failure(std::string text) {
    return fixed({State::failed, nullptr, std::move(text)});
}

std::string quoted(const std::string& name) {
    return '"' + name + '"';
}

// What the files say about one profile, as a provider.
class Resolver {
  public:
    Resolver(const ProfileFiles& files, const EnvironmentSnapshot& env, const Endpoint& sts,
             const ProviderTools& tools)
        : files_(files), env_(env), sts_(sts), tools_(tools) {}

    // `must_have_keys`: nobody else is asked if the profile has none.
    ProviderPtr resolve(const std::string& profile, bool must_have_keys) {
        if (Status readable = files_.check(profile); !readable) {
            return fixed_failure(readable.error().text + ": correct " + subject(profile));
        }
        const bool is_source = !chain_.empty();
        // As in AWS's tools, a role goes before keys in the same profile, unless that
        // profile is another role's source (or its own).
        if (is_source) {
            if (ProviderPtr keys = make_keys(profile)) return keys;
        }
        const bool is_loop = std::count(chain_.begin(), chain_.end(), profile) > 0;
        chain_.push_back(profile);
        if (is_loop)
            return fixed_failure("profiles assume their roles in a loop: " + chain_text());
        if (!files_.get(profile, "role_arn").empty()) return make_role(profile);
        if (ProviderPtr keys = make_keys(profile)) return keys;

        for (const char* other :
             {"credential_process", "sso_session", "sso_start_url", "login_session"}) {
            if (files_.get(profile, other).empty()) continue;
            return fixed_failure(
                subject(profile) + " needs \"" + other +
                "\", which is not supported: use a profile with keys or a role");
        }
        std::string text = subject(profile) + " has no \"aws_access_key_id\"";
        if (!must_have_keys) return fixed({State::absent, nullptr, std::move(text)});
        return fixed_failure(text + ": add keys to it");
    }

  private:
    // nullptr if the profile has none. All of a set comes from one file: a token belongs to
    // its key.
    ProviderPtr make_keys(const std::string& profile) const {
        for (const ProfileFile* file : {&files_.credentials, &files_.config}) {
            auto credentials = std::make_shared<Credentials>();
            credentials->access_key_id = file->get(profile, "aws_access_key_id");
            credentials->secret_access_key = file->get(profile, "aws_secret_access_key");
            credentials->session_token = file->get(profile, "aws_session_token");
            const bool had_blanks = drop_blanks(*credentials);
            if (credentials->access_key_id.empty()) continue;
            if (credentials->secret_access_key.empty()) {
                return fixed_failure(subject(profile) +
                                     " has \"aws_access_key_id\" without "
                                     "\"aws_secret_access_key\": set both");
            }
            CredentialsAnswer answer = accept_credentials(std::move(credentials), had_blanks);
            if (answer.state == State::failed) {
                answer.error = subject(profile) + ": " + answer.error;
            }
            return fixed(std::move(answer));
        }
        return nullptr;
    }

    ProviderPtr make_role(const std::string& profile) {
        Result<Role> role = read_role(profile);
        if (!role) return fixed_failure(subject(profile) + ": " + role.error().text);

        const std::string& source_profile = files_.get(profile, "source_profile");
        const std::string& credential_source = files_.get(profile, "credential_source");
        const std::string& token_file = files_.get(profile, "web_identity_token_file");
        int sources = 0;
        for (const std::string* source : {&source_profile, &credential_source, &token_file}) {
            sources += source->empty() ? 0 : 1;
        }
        if (sources != 1) {
            return fixed_failure(
                subject(profile) +
                " has a \"role_arn\": exactly one of \"source_profile\", "
                "\"credential_source\" and \"web_identity_token_file\" is expected");
        }
        if (!token_file.empty()) {
            return make_web_identity_provider({token_file, *role}, sts_, tools_);
        }
        ProviderPtr source = source_profile.empty()
                                 ? make_credential_source(profile, credential_source)
                                 : make_source_profile(profile, source_profile);
        return make_assume_role_provider(*role, std::move(source), sts_, tools_);
    }

    Result<Role> read_role(const std::string& profile) const {
        Role role;
        role.arn = files_.get(profile, "role_arn");
        role.external_id = files_.get(profile, "external_id");
        const std::string& session_name = files_.get(profile, "role_session_name");
        if (!session_name.empty()) role.session_name = session_name;
        const std::string& duration = files_.get(profile, "duration_seconds");
        if (!duration.empty()) {
            const char* end = duration.data() + duration.size();
            auto [stop, error] = std::from_chars(duration.data(), end, role.duration_seconds);
            if (error != std::errc() || stop != end) {
                return Error{"\"duration_seconds\" is not a number"};
            }
        }
        if (!files_.get(profile, "mfa_serial").empty()) {
            return Error{"\"mfa_serial\" is not supported: nobody can type its codes in here"};
        }
        if (Status checked = check_role(role); !checked) return checked.error();
        return role;
    }

    ProviderPtr make_source_profile(const std::string& profile, const std::string& source) {
        if (files_.has(source)) return resolve(source, true);
        return fixed_failure(subject(source) + ", the source of " + quoted(profile) +
                             ", is not in the shared files");
    }

    ProviderPtr make_credential_source(const std::string& profile,
                                       const std::string& source) const {
        if (source == "Environment") return make_environment_provider(env_);
        if (source == "EcsContainer") return make_container_provider(env_, tools_);
        if (source == "Ec2InstanceMetadata") return make_instance_provider(env_, tools_);
        return fixed_failure(
            subject(profile) + " has \"credential_source\" " + quoted(source) +
            ": \"Environment\", \"EcsContainer\" or \"Ec2InstanceMetadata\" is "
            "expected");
    }

    static std::string subject(const std::string& profile) {
        return "profile " + quoted(profile);
    }

    std::string chain_text() const {
        std::string text;
        for (const std::string& profile : chain_) {
            text.append(text.empty() ? "" : ", ").append(quoted(profile));
        }
        return text;
    }

    const ProfileFiles& files_;
    const EnvironmentSnapshot& env_;
    const Endpoint& sts_;
    const ProviderTools& tools_;
    std::vector<std::string> chain_;  // the profiles whose roles lead here
};

// Tells one version of a file from another without reading it, changed permissions
// included. All zero: not there.
using Fingerprint = std::tuple<dev_t, ino_t, off_t, time_t, long>;

Fingerprint fingerprint(const std::string& path) {
    struct stat info;
    if (path.empty() || stat(path.c_str(), &info) != 0) return {};
    return {info.st_dev, info.st_ino, info.st_size, info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
}

class ProfileProvider final : public CredentialsProvider {
  public:
    ProfileProvider(const EnvironmentSnapshot& env, const std::string& profile, Endpoint sts,
                    ProviderTools tools)
        : env_(env),
          sts_(std::move(sts)),
          tools_(std::move(tools)),
          credentials_path_(profile_path(env, ProfileFileKind::credentials)),
          config_path_(profile_path(env, ProfileFileKind::config)),
          profile_(profile_name(env, profile)),
          only_source_(!profile.empty()),
          must_exist_(only_source_ || !env.get("AWS_PROFILE").empty() ||
                      !env.get("AWS_DEFAULT_PROFILE").empty()) {}

    const char* name() const override { return profile_provider_name; }

    CredentialsAnswer get() override {
        const int64_t now_us = tools_.clock->steady_us();
        if (!checking_ && now_us >= next_check_us_) check(now_us);
        return content_ ? content_->get() : CredentialsAnswer{State::pending, nullptr, {}};
    }

    void invalidate() override {
        next_check_us_ = 0;
        if (content_) content_->invalidate();
    }

  private:
    using Fingerprints = std::pair<Fingerprint, Fingerprint>;

    // What the files say, as an errand finds it.
    struct Found {
        Fingerprints seen;
        std::optional<Result<ProfileFiles>> files;  // nothing: they are what they were
    };

    static Found look(const ProfilePath& credentials, const ProfilePath& config,
                      const std::optional<Fingerprints>& known) {
        // Taken before reading: a change meanwhile shows at the next check.
        Found found{{fingerprint(credentials.path), fingerprint(config.path)}, {}};
        if (!known || found.seen != *known) found.files.emplace(read(credentials, config));
        return found;
    }

    static Result<ProfileFiles> read(const ProfilePath& credentials_path,
                                     const ProfilePath& config_path) {
        auto credentials = read_profile_file(credentials_path, ProfileFileKind::credentials);
        if (!credentials) return credentials.error();
        auto config = read_profile_file(config_path, ProfileFileKind::config);
        if (!config) return config.error();
        return ProfileFiles{std::move(*credentials), std::move(*config)};
    }

    void check(int64_t now_us) {
        checking_ = true;
        next_check_us_ = now_us + check_interval_us;
        run_elsewhere<Found>(
            tools_.errands,
            token_errand(tools_.user, credentials_path_.path + "\" and \"" + config_path_.path),
            [credentials = credentials_path_, config = config_path_,
             known = content_ ? std::optional(seen_) : std::nullopt] {
                return look(credentials, config, known);
            },
            [this, alive = std::weak_ptr<int>(alive_)](Found found) {
                if (alive.lock()) take(std::move(found));
            });
    }

    void take(Found found) {
        checking_ = false;
        seen_ = found.seen;
        if (!found.files) return;
        content_ =
            *found.files ? make(**found.files) : fixed_failure(found.files->error().text);
    }

    ProviderPtr make(const ProfileFiles& files) const {
        ProviderPtr found = find(files);
        const std::string closed = closed_files(files);
        if (closed.empty()) return found;
        CredentialsAnswer answer = found->get();
        const bool has_none = answer.state == State::absent || answer.state == State::failed;
        if (!has_none) return found;
        answer.error.append(answer.error.empty() ? "" : "; ").append(closed);
        return fixed(std::move(answer));
    }

    ProviderPtr find(const ProfileFiles& files) const {
        if (files.has(profile_)) {
            return Resolver(files, env_, sts_, tools_).resolve(profile_, only_source_);
        }
        const std::string where = looked_in(files);
        if (!must_exist_) return fixed({State::absent, nullptr, where});
        return fixed_failure("profile " + quoted(profile_) + " is not found" +
                             (where.empty() ? "" : " (" + where + ')') +
                             ": add it, and let the worker's user read the file");
    }

    // Each file that might have had the profile, but for those of closed_files().
    std::string looked_in(const ProfileFiles& files) const {
        std::string text;
        auto add = [&](const std::string& note) {
            if (text.find(note) == text.npos)
                text.append(text.empty() ? "" : ", ").append(note);
        };
        const std::pair<const ProfilePath*, const ProfileFile*> places[] = {
            {&credentials_path_, &files.credentials}, {&config_path_, &files.config}};
        for (const auto& [place, file] : places) {
            if (place->path.empty()) {
                add("HOME is not set");
            } else if (!file->path.empty()) {
                add(quoted(file->path) + " has no profile " + quoted(profile_));
            } else if (!env_.saw_profile_file(file->closed_path)) {
                add(quoted(place->path) + " is not there");
            }
        }
        return text;
    }

    // Those that were there when the configuration was read: whoever put credentials there
    // would look for the mistake everywhere else.
    std::string closed_files(const ProfileFiles& files) const {
        std::string text;
        for (const ProfileFile* file : {&files.credentials, &files.config}) {
            if (!env_.saw_profile_file(file->closed_path)) continue;
            text.append(text.empty() ? "" : ", ").append(quoted(file->closed_path));
        }
        if (text.empty()) return text;
        return text + " is there, but closed to the workers' user (uid " +
               std::to_string(geteuid()) +
               "): name a file that this user may read by AWS_SHARED_CREDENTIALS_FILE or "
               "AWS_CONFIG_FILE";
    }

    const EnvironmentSnapshot env_;
    const Endpoint sts_;
    const ProviderTools tools_;
    const ProfilePath credentials_path_;
    const ProfilePath config_path_;
    const std::string profile_;
    const bool only_source_;  // named by the directive: nobody else is asked
    const bool must_exist_;   // named by somebody

    int64_t next_check_us_ = 0;
    bool checking_ = false;
    const std::shared_ptr<int> alive_ = std::make_shared<int>();  // ends with the provider
    Fingerprints seen_;
    ProviderPtr content_;  // what the files say; nullptr: not read yet
};

}  // namespace

ProviderPtr make_profile_provider(const EnvironmentSnapshot& env, const std::string& profile,
                                  const Endpoint& sts, const ProviderTools& tools) {
    return std::make_unique<ProfileProvider>(env, profile, sts, tools);
}

}  // namespace momento::aws
