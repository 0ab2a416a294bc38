// A destination in a region that only the instance's metadata tell: asks them, and holds its
// batches until they have. Then it is that destination.
//
// Belongs to the delivery thread. Asks again, further and further apart, as long as nobody
// answers; why is logged once for each reason.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aws/instance_metadata.h"
#include "base/clock.h"
#include "base/logger.h"
#include "base/pause.h"
#include "base/random.h"
#include "destination/destination.h"

namespace momento {

class AwaitingRegion final : public Destination {
  public:
    using Make = std::function<Result<std::shared_ptr<Destination>>(const std::string& region)>;
    using Metadata = Result<std::shared_ptr<aws::InstanceMetadata>>;

    struct Tools {
        const Clock* clock = nullptr;
        Random* random = nullptr;
        Logger* logger = nullptr;
    };

    // `user` is whom log lines name. `anywhere` answers what does not depend on the region;
    // nothing is sent there.
    AwaitingRegion(std::string user, Metadata metadata, std::shared_ptr<Destination> anywhere,
                   Make make, const Tools& tools);

    BatchLimits limits() const override { return destination_->limits(); }
    size_t entry_size(const Record& record) const override {
        return destination_->entry_size(record);
    }
    size_t max_in_flight() const override { return destination_->max_in_flight(); }
    void send(std::vector<const Record*> batch, Done done) override;
    void step() override;
    void stop_sending() override;
    DestinationState state() const override { return destination_->state(); }

  private:
    void ask();
    void take(const HttpResult& http);
    void fail(const std::string& why);

    const std::string user_;
    const Metadata metadata_;
    const Make make_;
    const Tools tools_;
    std::shared_ptr<Destination> destination_;
    bool known_ = false;
    bool stopping_ = false;
    bool asking_ = false;
    Pause pause_;
    std::string reported_;
    std::vector<std::pair<size_t, Done>> held_;  // of this turn, with their sizes
};

}  // namespace momento
