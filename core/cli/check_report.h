// What `momentoctl check` found: one line for each thing, and what AWS's answers mean.
#pragma once

#include <iosfwd>
#include <string>

#include "aws/service_client.h"

namespace momento::cli {

class CheckReport {
  public:
    CheckReport(std::ostream& out, bool as_json) : out_(out), as_json_(as_json) {}

    // Returns `good`.
    bool print(bool good, const char* what, const std::string& text);

    bool all_good() const { return all_good_; }

  private:
    std::ostream& out_;
    const bool as_json_;
    bool all_good_ = true;
};

// Which line tells of an answer that is no success, and what it says: AWS's own sentence, and
// what to do. `where`: the line if nothing else is to blame; `what`: what could not be done.
struct Refusal {
    const char* where;
    std::string text;
};
Refusal explain(const aws::ServiceReply& reply, const char* where, const std::string& what);

// Whether AWS says that the bus exists: nothing else looks like its description.
bool is_description(const HttpResponse& response);

}  // namespace momento::cli
