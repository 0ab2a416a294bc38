// Log lines of core/.
//
// core/ writes from any thread; whoever implements this must be ready for that. Inside
// nginx the lines are queued and printed by the event loop (gateway.h), in the command
// line tool and in tests they are printed at once. No line holds a secret, a signature or
// a credential; nor the product's name, which whoever prints it adds.
#pragma once

#include <string>

namespace momento {

enum class Severity {
    alert,  // a promise is in danger: an operator must act now
    error,  // something failed, an operator should act
    warn,
    notice,  // the state changed
    info,    // a client's fault
    count
};

class Logger {
  public:
    virtual ~Logger() = default;

    virtual void write(Severity severity, std::string line) = 0;
};

}  // namespace momento
