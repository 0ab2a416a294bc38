#include "aws/profile_file.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/ascii.h"
#include "base/cleanse.h"
#include "base/read_file.h"

namespace momento::aws {
namespace {

constexpr size_t max_file_size = 1u << 20;

class Parser {
  public:
    explicit Parser(ProfileFileKind kind) : kind_(kind) {}

    Result<ProfileFile> parse(std::string_view text) {
        constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
        if (text.substr(0, byte_order_mark.size()) == byte_order_mark) {
            text.remove_prefix(byte_order_mark.size());
        }
        for (size_t number = 1; !text.empty(); ++number) {
            std::string_view line = text.substr(0, text.find('\n'));
            text.remove_prefix(std::min(line.size() + 1, text.size()));
            if (const char* problem = take_line(line)) {
                return Error{"line " + std::to_string(number) + ": " + problem};
            }
        }
        // "[profile default]" replaces "[default]", wherever they stand.
        if (bare_default_) file_.profiles.emplace("default", std::move(*bare_default_));
        return std::move(file_);
    }

  private:
    // nullptr, or what is wrong with the line.
    const char* take_line(std::string_view line) {
        std::string_view content = trim(line);
        if (content.empty() || content.front() == '#' || content.front() == ';') return nullptr;
        size_t indent = static_cast<size_t>(content.data() - line.data());
        if (indent == 0 && content.front() == '[') return open_section(content);
        return take_setting(content, indent);
    }

    const char* open_section(std::string_view content) {
        size_t end = content.find(']');
        if (end == content.npos) return "a section's name has no \"]\"";
        std::string_view behind = trim(content.substr(end + 1));
        if (!behind.empty() && behind.front() != '#' && behind.front() != ';') {
            return "something stands behind a section's \"]\"";
        }
        section_ = find_section(trim(content.substr(1, end - 1)));
        in_section_ = true;
        setting_.clear();
        return nullptr;
    }

    // Where the section's settings go; nullptr for sections that mean nothing here.
    ProfileSettings* find_section(std::string_view name) {
        if (kind_ == ProfileFileKind::credentials) return &file_.profiles[std::string(name)];
        if (name == "default")
            return &(bare_default_ ? *bare_default_ : bare_default_.emplace());
        if (auto profile = behind_keyword(name, "profile")) return &file_.profiles[*profile];
        if (auto services = behind_keyword(name, "services")) return &file_.services[*services];
        return nullptr;
    }

    // The x of "profile x" and "profile "x y"".
    static std::optional<std::string> behind_keyword(std::string_view name,
                                                     std::string_view keyword) {
        if (name.substr(0, keyword.size()) != keyword) return {};
        name.remove_prefix(keyword.size());
        if (name.empty() || !is_blank(name.front())) return {};
        name = trim(name);
        bool quoted = name.size() >= 2 && name.front() == name.back() &&
                      (name.front() == '"' || name.front() == '\'');
        if (quoted) name = name.substr(1, name.size() - 2);
        return std::string(name);
    }

    const char* take_setting(std::string_view content, size_t indent) {
        if (!in_section_) return "a setting stands before the first section";
        bool inside = !setting_.empty() && indent > indent_;
        if (inside && !has_nested_) {
            if (section_) (*section_)[setting_].append("\n").append(content);
            return nullptr;
        }

        size_t equals = content.find('=');
        if (equals == content.npos) return "a setting has no \"=\"";
        std::string name = lower_case(trim(content.substr(0, equals)));
        if (name.empty()) return "a setting has no name";
        std::string_view value = without_comment(content.substr(equals + 1));

        if (inside) {
            name = setting_ + '.' + name;
        } else {
            setting_ = name;
            indent_ = indent;
            has_nested_ = value.empty();
        }
        if (section_) (*section_)[name] = value;
        return nullptr;
    }

    // A comment behind a value begins with a blank and '#' or ';'.
    static std::string_view without_comment(std::string_view value) {
        for (size_t i = 1; i < value.size(); ++i) {
            if ((value[i] == '#' || value[i] == ';') && is_blank(value[i - 1])) {
                return trim(value.substr(0, i));
            }
        }
        return trim(value);
    }

    ProfileFileKind kind_;
    ProfileFile file_;
    std::optional<ProfileSettings> bare_default_;  // "[default]" of a config file
    bool in_section_ = false;
    ProfileSettings* section_ = nullptr;
    std::string setting_;  // deeper indented lines belong to it
    size_t indent_ = 0;    // of that setting
    bool has_nested_ = false;
};

const std::string& find(const std::map<std::string, ProfileSettings>& sections,
                        const std::string& section, const std::string& setting) {
    static const std::string unset;
    auto settings = sections.find(section);
    if (settings == sections.end()) return unset;
    auto value = settings->second.find(setting);
    return value == settings->second.end() ? unset : value->second;
}

}  // namespace

ProfileFile::~ProfileFile() {
    for (auto& profile : profiles) {
        for (auto& setting : profile.second) cleanse(setting.second);
    }
}

const std::string& ProfileFile::get(const std::string& profile,
                                    const std::string& setting) const {
    return find(profiles, profile, setting);
}

Result<ProfileFile> parse_profile_file(std::string_view text, ProfileFileKind kind) {
    return Parser(kind).parse(text);
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
        if (missing || hidden) return ProfileFile{};
        return text.error();
    }
    Result<ProfileFile> file = parse_profile_file(*text, kind);
    cleanse(*text);
    if (!file) return Error{"\"" + path.path + "\", " + file.error().text};
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

std::string profile_name(const EnvironmentSnapshot& env, const std::string& profile) {
    if (!profile.empty()) return profile;
    const std::string& selected = env.get("AWS_PROFILE");
    return selected.empty() ? "default" : selected;
}

Result<std::string> profile_setting(const EnvironmentSnapshot& env, const std::string& profile,
                                    const std::string& setting) {
    Result<ProfileFiles> files = read_profile_files(env);
    if (!files) return files.error();
    return files->get(profile_name(env, profile), setting);
}

Result<std::string> profile_endpoint(const EnvironmentSnapshot& env, const std::string& profile,
                                     const std::string& service) {
    constexpr char endpoint_url[] = "endpoint_url";
    Result<ProfileFiles> files = read_profile_files(env);
    if (!files) return files.error();
    std::string name = profile_name(env, profile);
    const std::string& own = find(files->config.services, files->get(name, "services"),
                                  service + '.' + endpoint_url);
    return own.empty() ? files->get(name, endpoint_url) : own;
}

}  // namespace momento::aws
