// Reads a command's arguments: `--name value` or `--name=value`, in any order, operands
// between them, only operands behind `--`. Whatever is not known is refused.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/console.h"

namespace momento::cli {

class Options {
  public:
    // The targets outlive parse(). `name` includes the dashes.
    Options& flag(std::string name, bool* target);
    Options& text(std::string name, std::optional<std::string>* target);
    Options& number(std::string name, int64_t min, int64_t max, std::optional<int64_t>* target);

    // nginx's way to write a time: "30s", "10m", "12h", "30d", "2w"; seconds without a unit.
    Options& duration(std::string name, std::optional<int64_t>* target_ms);

    // Stores what was given, and returns the operands: at least `min`, at most `max`.
    // `operands` says what they are ("URL", "[DIR]"), for the error.
    Result<Arguments> parse(const Arguments& arguments, size_t min, size_t max,
                            const std::string& operands) const;

  private:
    using Take = std::function<Status(const std::string& value)>;
    struct Option {
        std::string name;
        bool has_value;
        Take take;
    };

    Options& add(std::string name, bool has_value, Take take);
    const Option* find(std::string_view name) const;

    std::vector<Option> options_;
};

// The candidate most like `word`, as `, did you mean "x"?`; empty if none is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

Result<int64_t> parse_duration(std::string_view text);  // in milliseconds

}  // namespace momento::cli
