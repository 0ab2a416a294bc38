#include "aws/profile_file.h"

#include <cerrno>

#include "base/cleanse.h"
#include "base/read_file.h"

namespace momento::aws {
namespace {

constexpr size_t max_file_size = 1u << 20;

Status refusal(const ProfileFile& file, const std::map<std::string, ProfileSection>& sections,
               const std::string& name) {
    const auto section = sections.find(name);
    if (section == sections.end()) return {};
    for (const ProfileProblem& problem : file.problems) {
        if (problem.section != section->second.name) continue;
        return Error{file.place(problem.line) + ": " + problem.text};
    }
    return {};
}

}  // namespace

ProfileFile::~ProfileFile() {
    for (auto& profile : profiles) {
        for (auto& setting : profile.second.settings) cleanse(setting.second.value);
    }
}

const ProfileSetting* ProfileFile::find(const std::string& profile,
                                        const std::string& setting) const {
    const auto section = profiles.find(profile);
    if (section == profiles.end()) return nullptr;
    const auto found = section->second.settings.find(setting);
    return found == section->second.settings.end() ? nullptr : &found->second;
}

const std::string& ProfileFile::get(const std::string& profile,
                                    const std::string& setting) const {
    static const std::string unset;
    const ProfileSetting* found = find(profile, setting);
    return found ? found->value : unset;
}

std::string ProfileFile::place(size_t line) const {
    return '"' + path + "\", line " + std::to_string(line);
}

ProfilePath profile_path(const EnvironmentSnapshot& env, ProfileFileKind kind) {
    bool is_credentials = kind == ProfileFileKind::credentials;
    const std::string& home = env.get("HOME");
    std::string path =
        env.get(is_credentials ? "AWS_SHARED_CREDENTIALS_FILE" : "AWS_CONFIG_FILE");
    bool is_explicit = !path.empty();
    if (!is_explicit) path = is_credentials ? "~/.aws/credentials" : "~/.aws/config";
    if (path.compare(0, 2, "~/") == 0) {
        path = home.empty() ? std::string() : home + path.substr(1);
    }
    return {std::move(path), is_explicit};
}

Result<ProfileFile> read_profile_file(const ProfilePath& path, ProfileFileKind kind) {
    if (path.path.empty()) return ProfileFile{};
    Result<std::string> text = read_file(path.path, max_file_size);
    if (!text) {
        int code = text.error().code;
        bool missing = code == ENOENT || code == ENOTDIR;
        bool hidden = code == EACCES && !path.is_explicit;
        if (!missing && !hidden) return text.error();
        ProfileFile nothing;
        if (hidden) nothing.closed_path = path.path;
        return nothing;
    }
    ProfileFile file = parse_profile_file(*text, kind);
    cleanse(*text);
    file.path = path.path;
    return file;
}

Result<ProfileFiles> read_profile_files(const EnvironmentSnapshot& env) {
    auto read = [&](ProfileFileKind kind) {
        return read_profile_file(profile_path(env, kind), kind);
    };
    Result<ProfileFile> credentials = read(ProfileFileKind::credentials);
    if (!credentials) return credentials.error();
    Result<ProfileFile> config = read(ProfileFileKind::config);
    if (!config) return config.error();
    return ProfileFiles{std::move(*credentials), std::move(*config)};
}

bool ProfileFiles::has(const std::string& profile) const {
    return credentials.profiles.count(profile) || config.profiles.count(profile);
}

const std::string& ProfileFiles::get(const std::string& profile,
                                     const std::string& setting) const {
    const std::string& value = credentials.get(profile, setting);
    return value.empty() ? config.get(profile, setting) : value;
}

std::string ProfileFiles::describe(const std::string& profile,
                                   const std::string& setting) const {
    std::string text = '"' + setting + "\" of profile \"" + profile + '"';
    for (const ProfileFile* file : {&credentials, &config}) {
        const ProfileSetting* found = file->find(profile, setting);
        if (found == nullptr || found->value.empty()) continue;
        return text + " (" + file->place(found->line) + ')';
    }
    return text;
}

Status ProfileFiles::check(const std::string& profile) const {
    Status refused = refusal(credentials, credentials.profiles, profile);
    return refused ? refusal(config, config.profiles, profile) : refused;
}

Status ProfileFiles::check_services(const std::string& name) const {
    return refusal(config, config.services, name);
}

std::string profile_name(const EnvironmentSnapshot& env, const std::string& profile) {
    for (const std::string* name :
         {&profile, &env.get("AWS_PROFILE"), &env.get("AWS_DEFAULT_PROFILE")}) {
        if (!name->empty()) return *name;
    }
    return "default";
}

}  // namespace momento::aws
