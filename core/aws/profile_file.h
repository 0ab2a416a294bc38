// The shared files of AWS's tools: `~/.aws/credentials` and `~/.aws/config`.
// Source: "Shared config and credentials files", AWS SDKs and Tools Reference Guide; what
// botocore's parser reads is read, and means the same.
//
// Pure parsing, and reading of both files at once. Reading blocks: it happens while the
// configuration is read, and on the delivery thread. No error quotes a line: it could hold
// a secret.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aws/credentials.h"
#include "base/result.h"

namespace momento::aws {

struct ProfileSetting {
    std::string value;
    size_t line = 0;
};

// Settings of one section, names in lower case. A nested setting is called "parent.child".
using ProfileSettings = std::map<std::string, ProfileSetting>;

// Something for which botocore refuses the whole file.
struct ProfileProblem {
    size_t line = 0;
    std::string text;     // one of a few sentences
    std::string section;  // as it stands in the brackets; empty: of none that is used
};

struct ProfileSection {
    std::string name;  // as it stands in the brackets
    ProfileSettings settings;
};

enum class ProfileFileKind {
    credentials,  // "[x]" is profile x
    config,       // "[profile x]" is profile x, "[default]" is profile default
};

struct ProfileFile {
    std::string path;         // empty: none was read
    std::string closed_path;  // of one that this process may not look at, or for
    std::map<std::string, ProfileSection> profiles;
    std::map<std::string, ProfileSection> services;  // "[services x]" of a config file
    std::vector<ProfileProblem> problems;            // in the order of their lines

    ProfileFile() = default;
    ProfileFile(ProfileFile&&) = default;
    ProfileFile& operator=(ProfileFile&&) = delete;
    ~ProfileFile();  // cleanses

    // nullptr if not set.
    const ProfileSetting* find(const std::string& profile, const std::string& setting) const;

    // Empty if not set.
    const std::string& get(const std::string& profile, const std::string& setting) const;

    std::string place(size_t line) const;  // "\"PATH\", line N"
};

// Whatever the text is: what cannot be read is among the problems.
ProfileFile parse_profile_file(std::string_view text, ProfileFileKind kind);

struct ProfilePath {
    std::string path;          // empty: there is no place to look
    bool is_explicit = false;  // named by a variable, not the default below HOME
};

// AWS_SHARED_CREDENTIALS_FILE or AWS_CONFIG_FILE, or the default; "~/" means HOME.
ProfilePath profile_path(const EnvironmentSnapshot& env, ProfileFileKind kind);

// Reads one of the files. One that does not exist is empty; so is a default one that is
// closed to this process (HOME is often the home of whoever started it, not of the user it
// runs as).
Result<ProfileFile> read_profile_file(const ProfilePath& path, ProfileFileKind kind);

struct ProfileFiles {
    ProfileFile credentials;
    ProfileFile config;

    bool has(const std::string& profile) const;

    // Empty if not set. The credentials file wins.
    const std::string& get(const std::string& profile, const std::string& setting) const;

    // The same, with its place: "\"setting\" of profile \"x\" (\"PATH\", line N)".
    std::string describe(const std::string& profile, const std::string& setting) const;

    // Refuses a profile if there is something in it that AWS's tools refuse.
    Status check(const std::string& profile) const;

    // The same for "[services x]".
    Status check_services(const std::string& name) const;
};

Result<ProfileFiles> read_profile_files(const EnvironmentSnapshot& env);

// `profile`, or AWS_PROFILE, or AWS_DEFAULT_PROFILE, or "default".
std::string profile_name(const EnvironmentSnapshot& env, const std::string& profile);

}  // namespace momento::aws
