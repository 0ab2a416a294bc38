// One line on the terminal that says how far a command is, written over and over. Nothing
// where nobody sits, or with --quiet.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "cli/console.h"
#include "cli/options.h"

namespace momento::cli {

class Progress {
  public:
    Progress(Console& console, const Given& given);
    ~Progress() { console_.clear_progress(); }

    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    bool is_shown() const { return is_shown_; }

    // A few times a second at most; `text` is asked for only then.
    void show(const std::function<std::string()>& text);

  private:
    Console& console_;
    const bool is_shown_;
    int64_t next_us_ = INT64_MIN;  // steady clock
};

}  // namespace momento::cli
