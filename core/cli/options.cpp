#include "cli/options.h"

#include <algorithm>
#include <charconv>
#include <numeric>

namespace momento::cli {

namespace {

std::optional<int64_t> parse_integer(std::string_view text) {
    int64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// Levenshtein's: insertions, deletions and replacements that make `a` into `b`.
size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); i++) {
        size_t diagonal = std::exchange(row[0], i);
        for (size_t j = 1; j <= b.size(); j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

Options& Options::add(std::string name, bool has_value, Take take) {
    options_.push_back({std::move(name), has_value, std::move(take)});
    return *this;
}

Options& Options::flag(std::string name, bool* target) {
    return add(std::move(name), false, [target](const std::string&) {
        *target = true;
        return Status();
    });
}

Options& Options::text(std::string name, std::optional<std::string>* target) {
    return add(std::move(name), true, [target](const std::string& value) {
        *target = value;
        return Status();
    });
}

Options& Options::number(std::string name, int64_t min, int64_t max,
                         std::optional<int64_t>* target) {
    return add(name, true, [=](const std::string& value) -> Status {
        std::optional<int64_t> number = parse_integer(value);
        if (!number || *number < min || *number > max) {
            return Error{"invalid " + name + " \"" + value + "\", give a number from " +
                         std::to_string(min) + " to " + std::to_string(max)};
        }
        *target = number;
        return {};
    });
}

Options& Options::duration(std::string name, std::optional<int64_t>* target_ms) {
    return add(name, true, [=](const std::string& value) -> Status {
        Result<int64_t> ms = parse_duration(value);
        if (!ms) return Error{"invalid " + name + " " + ms.error().text};
        *target_ms = *ms;
        return {};
    });
}

const Options::Option* Options::find(std::string_view name) const {
    auto found = std::find_if(options_.begin(), options_.end(),
                              [name](const Option& option) { return option.name == name; });
    return found == options_.end() ? nullptr : &*found;
}

Result<Arguments> Options::parse(const Arguments& arguments, size_t min, size_t max,
                                 const std::string& operands) const {
    Arguments rest;
    std::vector<const Option*> given;

    for (size_t i = 0; i < arguments.size(); i++) {
        const std::string& argument = arguments[i];
        if (argument == "--") {
            rest.insert(rest.end(), arguments.begin() + i + 1, arguments.end());
            break;
        }
        if (argument.size() < 2 || argument[0] != '-') {
            rest.push_back(argument);
            continue;
        }

        size_t equals = argument.find('=');
        std::string name = argument.substr(0, equals);
        const Option* option = find(name);
        if (option == nullptr) {
            std::vector<std::string> names;
            for (const Option& each : options_) names.push_back(each.name);
            return Error{"unknown option \"" + name + "\"" + did_you_mean(name, names)};
        }
        if (std::find(given.begin(), given.end(), option) != given.end()) {
            return Error{"\"" + name + "\" is given twice, give it once"};
        }
        given.push_back(option);

        std::string value;
        if (!option->has_value) {
            if (equals != std::string::npos) {
                return Error{"\"" + name + "\" takes no value, leave out \"" +
                             argument.substr(equals) + "\""};
            }
        } else if (equals != std::string::npos) {
            value = argument.substr(equals + 1);
        } else if (i + 1 < arguments.size()) {
            value = arguments[++i];
        } else {
            return Error{"\"" + name + "\" needs a value"};
        }
        if (Status status = option->take(value); !status) return status.error();
    }

    if (rest.size() < min) return Error{"missing operand, give " + operands};
    if (rest.size() > max) {
        return Error{"unexpected operand \"" + rest[max] + "\", " +
                     (max == 0 ? "this command takes none" : "give " + operands + " only")};
    }
    return rest;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    const std::string* nearest = nullptr;
    size_t least = word.size() / 2 + 1;
    for (const std::string& candidate : candidates) {
        size_t distance = edit_distance(word, candidate);
        if (distance < least) {
            least = distance;
            nearest = &candidate;
        }
    }
    return nearest == nullptr ? ", see --help" : ", did you mean \"" + *nearest + "\"?";
}

Result<int64_t> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view name;
        int64_t ms;
    };
    static constexpr Unit units[] = {{"ms", 1},        {"s", 1'000},      {"m", 60'000},
                                     {"h", 3'600'000}, {"d", 86'400'000}, {"w", 604'800'000}};

    size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    std::string_view unit = text.substr(digits).empty() ? "s" : text.substr(digits);
    std::optional<int64_t> number = parse_integer(text.substr(0, digits));
    for (const Unit& each : units) {
        if (number && each.name == unit && *number <= INT64_MAX / each.ms) {
            return *number * each.ms;
        }
    }
    return Error{"\"" + std::string(text) +
                 "\", give a number with a unit: ms, s, m, h, d or w, such as \"12h\""};
}

}  // namespace momento::cli
