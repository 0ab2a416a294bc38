// Where records that come from another log are appended: a slot of its own for every
// destination that is written to, as if one more worker were running. For the command-line
// tool; blocks, and steps the writers itself.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/logger.h"
#include "base/random.h"
#include "base/result.h"
#include "spool/record.h"
#include "spool/steps.h"

namespace momento {

struct SpoolTools {
    FileSystem* files = nullptr;
    const Clock* clock = nullptr;
    Random* random = nullptr;
    Logger* logger = nullptr;
    StepObserver* observer = nullptr;  // optional
};

class Tails {
  public:
    Tails(std::string spool, SpoolTools tools);
    ~Tails();

    const std::string& spool() const { return spool_; }

    // Durable on return. After an error some of them may be stored all the same.
    Status append(const std::string& destination, std::vector<RecordBuffer> records);

    // Closes the slots in good order; running workers adopt them within seconds. Without it
    // they are left as by a process that was killed.
    void finish();

  private:
    class Tail;

    const std::string spool_;
    const SpoolTools tools_;
    std::map<std::string, std::unique_ptr<Tail>> tails_;
};

}  // namespace momento
