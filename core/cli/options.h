// What a command may be given: a table of its options, and the one reader of it. Parser,
// help, `momentoctl help --json` and, through that, the tests of man page and completion all
// go by the table.
//
// `--name value` or `--name=value`, in any order, operands between them, only operands behind
// `--`. Whatever is not in the table is refused.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/console.h"

namespace momento::cli {

struct Option {
    enum class Kind {
        flag,
        text,
        number,    // from `min` to `max`
        duration,  // nginx's way to write a time: "30s", "12h", "2w"; seconds without a unit
        age,       // the same, but the unit must be there
    };

    std::string name;   // with its dashes
    std::string value;  // what --help calls it: "CODE"; empty: a flag
    std::string help;   // one paragraph, broken by whoever prints it
    Kind kind = Kind::text;
    int64_t min = 0;
    int64_t max = 0;
};

using OptionTable = std::vector<Option>;

// What a command was given. To ask for an option that its table has not ends the process:
// that is a mistake in this program.
class Given {
  public:
    bool flag(std::string_view name) const;
    std::optional<std::string> text(std::string_view name) const;
    std::optional<int64_t> number(std::string_view name) const;
    std::optional<int64_t> milliseconds(std::string_view name) const { return number(name); }

    const Arguments& operands() const { return operands_; }

    const Arguments& arguments() const { return arguments_; }  // all, as they came

    // Whether any of these was given.
    bool has_any(const OptionTable& options) const;

  private:
    friend Result<Given> parse(const OptionTable& table, const Arguments& arguments);
    struct Value {
        bool is_given = false;
        std::string text;
        int64_t number = 0;
    };
    const Value& find(std::string_view name) const;

    std::map<std::string, Value, std::less<>> values_;  // all of the table
    Arguments operands_;
    Arguments arguments_;
};

Result<Given> parse(const OptionTable& table, const Arguments& arguments);

// At least `min` of them, at most `max`. `what` says what they are ("one URL"), for the error.
Status check_operands(const Arguments& operands, size_t min, size_t max,
                      const std::string& what);

// The candidate most like `word`; nothing if none is near.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string>& candidates);

// That one as `, did you mean "x"?`, or where to look.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

// In milliseconds.
Result<int64_t> parse_duration(std::string_view text, bool needs_unit = false);

}  // namespace momento::cli
