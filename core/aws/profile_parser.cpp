// The grammar of the shared files, as botocore reads them: Python's RawConfigParser, one level
// of nesting, and names of profiles in shell quotes.
#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "aws/profile_file.h"
#include "base/ascii.h"

namespace momento::aws {
namespace {

constexpr char defaults_name[] = "DEFAULT";  // what it says holds in all sections of its file

// As str.strip() has it, in UTF-8: text that was copied from a page has blanks of its own.
constexpr std::string_view wide_blanks[] = {
    "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
    "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
    "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
    "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};

bool is_space(char c) {
    return is_blank(c) || (c >= '\x1c' && c <= '\x1f');
}

size_t blank_at_begin(std::string_view text) {
    if (!text.empty() && is_space(text.front())) return 1;
    for (std::string_view wide : wide_blanks) {
        if (text.substr(0, wide.size()) == wide) return wide.size();
    }
    return 0;
}

size_t blank_at_end(std::string_view text) {
    if (!text.empty() && is_space(text.back())) return 1;
    for (std::string_view wide : wide_blanks) {
        if (text.size() >= wide.size() && text.substr(text.size() - wide.size()) == wide) {
            return wide.size();
        }
    }
    return 0;
}

std::string_view strip(std::string_view text) {
    while (size_t size = blank_at_begin(text)) text.remove_prefix(size);
    while (size_t size = blank_at_end(text)) text.remove_suffix(size);
    return text;
}

// A comment behind a value begins with a blank and '#' or ';'. botocore has none of these, the
// other SDKs have; no value of a setting that counts here looks like one.
std::string_view without_comment(std::string_view value) {
    for (size_t i = 1; i < value.size(); ++i) {
        if ((value[i] == '#' || value[i] == ';') && is_blank(value[i - 1])) {
            return strip(value.substr(0, i));
        }
    }
    return strip(value);
}

// Takes a line off the front, whichever way it ends.
std::string_view take_line(std::string_view& text) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    const bool is_pair = text.substr(end, 2) == "\r\n";
    text.remove_prefix(std::min(end + (is_pair ? 2 : 1), text.size()));
    return line;
}

// The words of a section's name, as a shell splits them; nothing if a quote is not closed.
std::optional<std::vector<std::string>> split_words(std::string_view text) {
    std::vector<std::string> words;
    bool in_word = false;
    char quote = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool is_separator = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (quote == 0 && is_separator) {
            in_word = false;
            continue;
        }
        if (!std::exchange(in_word, true)) words.emplace_back();
        std::string& word = words.back();
        if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == quote && quote != 0) {
            quote = 0;
        } else if (c == '\\' && quote != '\'') {
            if (++i == text.size()) return {};
            const bool is_escape = quote == 0 || text[i] == '"' || text[i] == '\\';
            if (!is_escape) word += '\\';
            word += text[i];
        } else {
            word += c;
        }
    }
    if (quote != 0) return {};
    return words;
}

class Parser {
  public:
    Parser(std::string_view text, ProfileFileKind kind) : text_(text), kind_(kind) {}

    ProfileFile parse() {
        constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
        if (text_.substr(0, byte_order_mark.size()) == byte_order_mark) {
            text_.remove_prefix(byte_order_mark.size());
        }
        while (!text_.empty()) {
            ++number_;
            read(take_line(text_));
        }
        end_setting();
        for (ProfileSection& section : sections_) place(section);
        return std::move(file_);
    }

  private:
    void read(std::string_view line) {
        const std::string_view content = strip(line);
        if (content.empty()) {
            if (in_setting_) lines_.emplace_back(number_, "");
            return;
        }
        if (content.front() == '#' || content.front() == ';') return;
        const auto indent = static_cast<size_t>(content.data() - line.data());
        if (in_setting_ && indent > indent_) {
            lines_.emplace_back(number_, content);
            return;
        }
        indent_ = indent;
        const size_t bracket = content.rfind(']');
        if (content.front() == '[' && bracket != content.npos && bracket > 1) {
            begin_section(content.substr(1, bracket - 1));
        } else {
            begin_setting(content);
        }
    }

    void begin_section(std::string_view name) {
        end_setting();
        const auto [known, is_new] = by_name_.emplace(name, sections_.size());
        section_ = known->second;
        if (is_new) {
            sections_.push_back({std::string(name), {}});
        } else if (name != defaults_name) {
            report("the section stands there a second time");
        }
    }

    void begin_setting(std::string_view content) {
        end_setting();
        if (sections_.empty()) {
            if (!std::exchange(told_of_begin_, true)) {
                report("a setting stands before the first section");
            }
            return;
        }
        const size_t delimiter = content.find_first_of("=:");
        const std::string_view name = strip(content.substr(0, delimiter));
        if (delimiter == content.npos) {
            report(content.front() == '[' ? "a section's name has no \"]\""
                                          : "a setting has no \"=\"");
        } else if (name.empty()) {
            report("a setting has no name");
        } else {
            in_setting_ = true;
            setting_ = lower_case(name);
            line_ = number_;
            lines_.emplace_back(number_, content.substr(delimiter + 1));
            if (settings().count(setting_)) report("the setting stands there a second time");
        }
    }

    // Only now it is known what belongs to its value.
    void end_setting() {
        if (!std::exchange(in_setting_, false)) return;
        while (lines_.size() > 1 && lines_.back().second.empty()) lines_.pop_back();
        const bool is_nested = lines_.size() > 1 && strip(lines_.front().second).empty();
        std::string value(without_comment(lines_.front().second));
        for (size_t i = 1; i < lines_.size(); ++i) {
            if (is_nested) {
                add_nested(lines_[i].first, lines_[i].second);
            } else {
                value.append("\n").append(lines_[i].second);
            }
        }
        settings()[setting_] = {std::move(value), line_};
        lines_.clear();
    }

    void add_nested(size_t line, std::string_view content) {
        if (content.empty()) return;
        const size_t equals = content.find('=');
        if (equals == content.npos) {
            // What is nested in a profile is other services' own.
            const bool counts = current().name.compare(0, 8, "services") == 0;
            file_.problems.push_back(
                {line, "a nested setting has no \"=\"", counts ? current().name : ""});
            return;
        }
        const std::string name(strip(content.substr(0, equals)));
        settings()[setting_ + '.' + name] = {
            std::string(without_comment(content.substr(equals + 1))), line};
    }

    ProfileSection& current() { return sections_[section_]; }
    ProfileSettings& settings() { return current().settings; }

    void report(const char* text) {
        file_.problems.push_back({number_, text, sections_.empty() ? "" : current().name});
    }

    // Puts a section where its name says. Of two with one meaning the last one counts.
    void place(ProfileSection& section) {
        if (section.name == defaults_name) return;
        if (const auto defaults = by_name_.find(defaults_name); defaults != by_name_.end()) {
            const ProfileSettings& all = sections_[defaults->second].settings;
            section.settings.insert(all.begin(), all.end());
        }
        // Blanks within the brackets are nobody's intention.
        std::string name(strip(section.name));
        if (name != section.name && by_name_.count(name)) return;
        if (kind_ == ProfileFileKind::credentials || name == "default") {
            file_.profiles.insert_or_assign(name, std::move(section));
        } else if (name.compare(0, 7, "profile") == 0) {
            place(section, name, file_.profiles);
        } else if (name.compare(0, 8, "services") == 0) {
            place(section, name, file_.services);
        }
    }

    // The x of "profile x" and "profile "x y"".
    static void place(ProfileSection& section, std::string_view name,
                      std::map<std::string, ProfileSection>& sections) {
        const auto words = split_words(name);
        if (words && words->size() == 2) {
            sections.insert_or_assign(words->back(), std::move(section));
        }
    }

    std::string_view text_;
    const ProfileFileKind kind_;
    ProfileFile file_;
    size_t number_ = 0;                     // of the line
    std::vector<ProfileSection> sections_;  // in the order in which they begin
    std::map<std::string, size_t, std::less<>> by_name_;
    size_t section_ = 0;  // the one that is being read
    bool told_of_begin_ = false;

    size_t indent_ = 0;  // of the setting or section; deeper lines belong to the setting
    bool in_setting_ = false;
    std::string setting_;
    size_t line_ = 0;  // of the setting
    std::vector<std::pair<size_t, std::string>> lines_;
};

}  // namespace

ProfileFile parse_profile_file(std::string_view text, ProfileFileKind kind) {
    return Parser(text, kind).parse();
}

}  // namespace momento::aws
