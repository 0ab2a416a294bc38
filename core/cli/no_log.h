// For the commands that call AWS: what the library has to say comes back in its answers, too.
#pragma once

#include <string>

#include "base/logger.h"

namespace momento::cli {

class NoLog final : public Logger {
  public:
    void write(Severity, std::string) override {}
};

}  // namespace momento::cli
