#include "destination/awaiting_region.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "aws_environment.h"
#include "fakes.h"

namespace momento {
namespace {

using Kind = EntryVerdict::Kind;

// Takes everything.
class Sink final : public Destination {
  public:
    BatchLimits limits() const override { return {7, 700}; }
    size_t entry_size(const Record& record) const override { return record.body.size(); }
    size_t max_in_flight() const override { return 3; }
    void send(std::vector<const Record*> batch, Done done) override {
        sent += batch.size();
        done_.push_back([size = batch.size(), done = std::move(done)] {
            BatchResult result;
            result.entries.assign(size, {Kind::delivered, {}, {}});
            done(std::move(result));
        });
    }
    void step() override {
        for (auto& done : std::exchange(done_, {})) done();
    }

    size_t sent = 0;

  private:
    std::vector<std::function<void()>> done_;
};

class AwaitingRegionTest : public testing::Test {
  protected:
    AwaitingRegionTest() {
        const auto env = aws::environment({});
        destination_ = std::make_unique<AwaitingRegion>(
            "destination \"bus\"", aws::InstanceMetadata::create(env, clock_, http_), anywhere_,
            [this](const std::string& region) -> Result<std::shared_ptr<Destination>> {
                region_ = region;
                if (region != "eu-west-1") return Error{"no such region"};
                return std::shared_ptr<Destination>(there_);
            },
            AwaitingRegion::Tools{&clock_, &random_, &lines_});
    }

    Kind send() {
        std::optional<Kind> verdict;
        destination_->send(
            {&record_}, [&](const BatchResult& result) { verdict = result.entries[0].kind; });
        EXPECT_FALSE(verdict) << "done inside send()";
        destination_->step();
        return verdict.value();
    }

    void answer(int status, const std::string& body) {
        http_.answer(status, body);
        http_.run(0);
    }

    fakes::PlayedClock clock_;
    fakes::PlayedHttp http_;
    fakes::PlayedRandom random_;
    fakes::KeptLines lines_;
    Record record_;
    std::string region_;
    std::shared_ptr<Sink> anywhere_ = std::make_shared<Sink>();
    std::shared_ptr<Sink> there_ = std::make_shared<Sink>();
    std::unique_ptr<AwaitingRegion> destination_;
};

TEST_F(AwaitingRegionTest, HoldsUntilTheInstanceTells) {
    EXPECT_EQ(destination_->limits().entries, 7u);
    EXPECT_EQ(destination_->max_in_flight(), 3u);
    EXPECT_EQ(send(), Kind::hold);
    ASSERT_EQ(http_.requests.size(), 1u);
    answer(200, "token");
    EXPECT_EQ(http_.requests.front().request.url,
              "http://169.254.169.254/latest/meta-data/placement/region");
    EXPECT_EQ(send(), Kind::hold);
    answer(200, "eu-west-1\n");
    EXPECT_EQ(region_, "eu-west-1");
    EXPECT_EQ(send(), Kind::delivered);
    EXPECT_EQ(there_->sent, 1u);
    EXPECT_EQ(anywhere_->sent, 0u);
    EXPECT_EQ(lines_.count("the instance is in region \"eu-west-1\""), 1u);
}

TEST_F(AwaitingRegionTest, AsksAgainAndSaysWhyOnce) {
    for (int i = 0; i < 3; ++i) {
        destination_->step();
        ASSERT_EQ(http_.requests.size(), 1u);
        http_.fail(HttpFailure::Stage::before_send);
        http_.run(0);
        destination_->step();
        EXPECT_TRUE(http_.requests.empty()) << "at once";
        clock_.advance_ms(60'000);
    }
    EXPECT_EQ(lines_.count("no region known, its events are held; instance metadata"), 1u);
}

TEST_F(AwaitingRegionTest, BelievesNoNonsense) {
    destination_->step();
    answer(200, "token");
    answer(200, "<html>");
    EXPECT_EQ(send(), Kind::hold);
    EXPECT_EQ(lines_.count("no such region"), 1u);
}

TEST_F(AwaitingRegionTest, AsksNobodyWhenTheProcessEnds) {
    destination_->stop_sending();
    EXPECT_EQ(send(), Kind::hold);
    EXPECT_TRUE(http_.requests.empty());
}

}  // namespace
}  // namespace momento
