// Counts what a webhook answered, for the summary of `momentoctl send`.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "cli/webhook_client.h"

namespace momento::cli {

class Tally {
  public:
    void add(const WebhookAnswer& answer);

    bool all_accepted() const;  // every answer was 2xx

    // Per status a line with its count; below those that are not 2xx, what they said, each
    // text once. What came without an answer stands last, as "no answer".
    void print(std::ostream& out) const;

  private:
    struct Line {
        uint64_t count = 0;
        std::vector<std::string> texts;  // distinct, the first few
    };
    std::map<int, Line> lines_;
};

}  // namespace momento::cli
