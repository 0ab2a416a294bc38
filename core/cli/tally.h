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

    uint64_t total() const;

    // Per status a line with its count; below those that are not 2xx, what they said, each
    // text once. What came without an answer stands last, as "no answer".
    void print(std::ostream& out) const;

    // The same as an object: {"answers":[{"status":403,"count":1,"texts":["..."]}]}, without a
    // status where no answer came.
    void print_json(std::ostream& out) const;

    // "200: 7, 503: 1"
    std::string summary() const;

    // What a person should look at; empty if there is nothing to say. `is_given`: the bodies
    // were not made now.
    std::string advice(bool is_given) const;

  private:
    struct Line {
        uint64_t count = 0;
        std::vector<std::string> texts;  // distinct, the first few
    };
    std::map<int, Line> lines_;
    int64_t ahead_s_ = 0;  // of the server's clock, at the last answer that told
};

}  // namespace momento::cli
