// The shared files of AWS's tools: `~/.aws/credentials` and `~/.aws/config`.
// Source: "Shared config and credentials files", AWS SDKs and Tools Reference Guide.
//
// Pure parsing, and reading of both files at once. Reading blocks: it happens while the
// configuration is read, and on the delivery thread. No error quotes a line: it could hold
// a secret.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "aws/credentials.h"
#include "base/result.h"

namespace momento::aws {

// Settings of one section, names in lower case. A nested setting is called "parent.child".
// Of a setting that appears twice the last one counts.
using ProfileSettings = std::map<std::string, std::string>;

enum class ProfileFileKind {
    credentials,  // "[x]" is profile x
    config,       // "[profile x]" is profile x, "[default]" is profile default
};

struct ProfileFile {
    std::map<std::string, ProfileSettings> profiles;
    std::map<std::string, ProfileSettings> services;  // "[services x]" of a config file

    ProfileFile() = default;
    ProfileFile(ProfileFile&&) = default;
    ProfileFile& operator=(ProfileFile&&) = delete;
    ~ProfileFile();  // cleanses

    // Empty if not set.
    const std::string& get(const std::string& profile, const std::string& setting) const;
};

// The error says in which line.
Result<ProfileFile> parse_profile_file(std::string_view text, ProfileFileKind kind);

struct ProfilePath {
    std::string path;          // empty: there is no place to look
    bool is_explicit = false;  // named by a variable, not the default below HOME
};

// AWS_SHARED_CREDENTIALS_FILE or AWS_CONFIG_FILE, or the default; "~/" means HOME.
ProfilePath profile_path(const EnvironmentSnapshot& env, ProfileFileKind kind);

// Reads one of the files. One that does not exist is empty; so is a default one that may
// not be looked at (HOME is often the home of whoever started the process, not of the user
// it runs as).
Result<ProfileFile> read_profile_file(const ProfilePath& path, ProfileFileKind kind);

struct ProfileFiles {
    ProfileFile credentials;
    ProfileFile config;

    bool has(const std::string& profile) const;

    // Empty if not set. The credentials file wins.
    const std::string& get(const std::string& profile, const std::string& setting) const;
};

Result<ProfileFiles> read_profile_files(const EnvironmentSnapshot& env);

// `profile`, or AWS_PROFILE, or "default".
std::string profile_name(const EnvironmentSnapshot& env, const std::string& profile);

// One setting ("region", "endpoint_url") of a profile; empty if it has none, or if there
// is no such profile.
Result<std::string> profile_setting(const EnvironmentSnapshot& env, const std::string& profile,
                                    const std::string& setting);

// The profile's endpoint for a service ("eventbridge", "sqs", "secrets_manager", "sts"): of
// its services section, else its own endpoint_url, else empty.
Result<std::string> profile_endpoint(const EnvironmentSnapshot& env, const std::string& profile,
                                     const std::string& service);

}  // namespace momento::aws
