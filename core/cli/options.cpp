#include "cli/options.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <numeric>
#include <utility>

namespace momento::cli {

namespace {

std::optional<int64_t> parse_integer(std::string_view text) {
    int64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// Insertions, deletions, replacements and swaps of neighbours that make `a` into `b`.
size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> before;
    std::vector<size_t> above(b.size() + 1);
    std::iota(above.begin(), above.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); i++) {
        std::vector<size_t> row(b.size() + 1, i);
        for (size_t j = 1; j <= b.size(); j++) {
            const size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = std::min({replaced, row[j - 1] + 1, above[j] + 1});
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before = std::exchange(above, std::move(row));
    }
    return above.back();
}

Error unknown_option(const OptionTable& table, const std::string& name) {
    std::vector<std::string> names;
    for (const Option& each : table) names.push_back(each.name);
    return Error{"unknown option \"" + name + "\"" + did_you_mean(name, names)};
}

// What the value of an option that has one says as a number; 0 for a text.
Result<int64_t> parse_number(const Option& option, const std::string& value) {
    if (option.kind == Option::Kind::number) {
        const std::optional<int64_t> number = parse_integer(value);
        if (number && *number >= option.min && *number <= option.max) return *number;
        return Error{"invalid " + option.name + " \"" + value + "\", give a number from " +
                     std::to_string(option.min) + " to " + std::to_string(option.max)};
    }
    if (option.kind == Option::Kind::duration || option.kind == Option::Kind::age) {
        Result<int64_t> ms = parse_duration(value, option.kind == Option::Kind::age);
        if (!ms) return Error{"invalid " + option.name + " " + ms.error().text};
        return ms;
    }
    return int64_t{0};
}

}  // namespace

const Given::Value& Given::find(std::string_view name) const {
    auto found = values_.find(name);
    if (found == values_.end()) std::abort();
    return found->second;
}

bool Given::flag(std::string_view name) const {
    return find(name).is_given;
}

std::optional<std::string> Given::text(std::string_view name) const {
    const Value& value = find(name);
    if (!value.is_given) return std::nullopt;
    return value.text;
}

std::optional<int64_t> Given::number(std::string_view name) const {
    const Value& value = find(name);
    if (!value.is_given) return std::nullopt;
    return value.number;
}

bool Given::has_any(const OptionTable& options) const {
    return std::any_of(options.begin(), options.end(),
                       [this](const Option& option) { return find(option.name).is_given; });
}

Result<Given> parse(const OptionTable& table, const Arguments& arguments) {
    Given given;
    given.arguments_ = arguments;
    for (const Option& option : table) given.values_[option.name];

    for (size_t i = 0; i < arguments.size(); i++) {
        const std::string& argument = arguments[i];
        if (argument == "--") {
            given.operands_.insert(given.operands_.end(),
                                   arguments.begin() + static_cast<ptrdiff_t>(i) + 1,
                                   arguments.end());
            break;
        }
        if (argument.size() < 2 || argument[0] != '-') {
            given.operands_.push_back(argument);
            continue;
        }

        const size_t equals = argument.find('=');
        const std::string name = argument.substr(0, equals);
        auto option = std::find_if(table.begin(), table.end(),
                                   [&](const Option& each) { return each.name == name; });
        if (option == table.end()) return unknown_option(table, name);
        Given::Value& value = given.values_[name];
        if (value.is_given) return Error{"\"" + name + "\" is given twice, give it once"};
        value.is_given = true;

        if (option->kind == Option::Kind::flag) {
            if (equals == std::string::npos) continue;
            return Error{"\"" + name + "\" takes no value, leave out \"" +
                         argument.substr(equals) + "\""};
        }
        if (equals != std::string::npos) {
            value.text = argument.substr(equals + 1);
        } else if (i + 1 < arguments.size()) {
            value.text = arguments[++i];
        } else {
            return Error{"\"" + name + "\" needs a value"};
        }
        Result<int64_t> number = parse_number(*option, value.text);
        if (!number) return number.error();
        value.number = *number;
    }
    return given;
}

Status check_operands(const Arguments& operands, size_t min, size_t max,
                      const std::string& what) {
    if (operands.size() < min) return Error{"missing operand, give " + what};
    if (operands.size() <= max) return {};
    return Error{"unexpected operand \"" + operands[max] + "\", " +
                 (max == 0 ? "this command takes none" : "give " + what + " only")};
}

std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates) {
    std::optional<std::string> found;
    size_t least = word.size() / 2 + 1;
    for (const std::string& candidate : candidates) {
        size_t distance = edit_distance(word, candidate);
        if (distance < least) {
            least = distance;
            found = candidate;
        }
    }
    return found;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    const std::optional<std::string> near = nearest(word, candidates);
    return near ? ", did you mean \"" + *near + "\"?" : ", see --help";
}

Result<int64_t> parse_duration(std::string_view text, bool needs_unit) {
    struct Unit {
        std::string_view name;
        int64_t ms;
    };
    static constexpr Unit units[] = {{"ms", 1},        {"s", 1'000},      {"m", 60'000},
                                     {"h", 3'600'000}, {"d", 86'400'000}, {"w", 604'800'000}};

    size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    std::string_view unit = text.substr(digits);
    if (unit.empty() && !needs_unit) unit = "s";
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
