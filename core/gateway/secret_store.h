// AWS Secrets Manager in one region, with the credentials to ask it: those of the
// environment, found as a destination's `credentials auto` finds them.
//
// Belongs to the delivery thread, or to whoever runs the HttpClient.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "aws/secrets_manager.h"
#include "base/errands.h"
#include "base/random.h"
#include "gateway/settings.h"

namespace momento {

class SecretStore {
  public:
    struct Tools {
        const Clock* clock = nullptr;
        Random* random = nullptr;
        Logger* logger = nullptr;
        HttpClient* http = nullptr;
        Errands* errands = nullptr;  // optional: files are read in place
    };

    // `secret` went through resolve(): where it is, the store is.
    SecretStore(const SecretSettings& secret, const Tools& tools);

    // `done` runs once, from inside step() or HttpClient::run().
    void fetch(const std::string& id, aws::SecretStage stage,
               std::function<void(aws::SecretVersion)> done);

    bool holds(const SecretSettings& secret) const;  // asks where that one is, as that one does

    void step() { client_.step(); }
    void stop() { client_.stop(); }

  private:
    const aws::Endpoint endpoint_;
    aws::ServiceClient client_;
};

}  // namespace momento
