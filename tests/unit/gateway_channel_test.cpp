#include "gateway/channel.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/semaphore.h"
#include "fakes.h"
#include "gateway/threads.h"
#include "test_spool.h"

namespace momento {
namespace {

struct Heard {
    int times = 0;
    bool is_durable = false;
    uint64_t number = 0;
};

class Ear final : public Waiter {
  public:
    explicit Ear(Heard& heard) : heard_(heard) {}
    bool settled(bool durable, uint64_t sequence) override {
        ++heard_.times;
        heard_.is_durable = durable;
        heard_.number = sequence;
        return false;
    }
    void resolved(bool) override {}

  private:
    Heard& heard_;
};

std::unique_ptr<Waiter> ear(Heard& heard) {
    return std::make_unique<Ear>(heard);
}

// A seat for which there is nobody at first.
class LateSeat final : public WriterSeat {
  public:
    void wake() override { ++wakes; }
    void run(std::unique_ptr<Writer> sitting) override { writer = std::move(sitting); }
    bool is_served() const override { return served; }
    void retire() override { writer.reset(); }

    std::unique_ptr<Writer> writer;
    bool served = false;
    int wakes = 0;
};

class ChannelTest : public ::testing::Test {
  protected:
    EngineTools tools() {
        EngineTools tools;
        tools.clock = &system_clock();
        tools.random = &system_random();
        tools.files = &system_files();
        tools.logger = &logger_;
        tools.http = &http_;
        return tools;
    }

    std::unique_ptr<Channel> make_channel(EngineTools tools) {
        auto settings = std::make_shared<SpoolSettings>();
        settings->path = spool_.path();
        auto slots = std::make_shared<Slots>(spool_.path(), "bus", *tools.files, *tools.random,
                                             *tools.logger);
        return std::make_unique<Channel>(
            SeatedLog::make(std::move(settings), std::move(slots), nullptr, tools, nullptr),
            [this] { settled_.post(); }, pool_, false);
    }

    static RecordBuffer record() { return RecordBuffer::from(TestSpool::event("{}")); }

    TestSpool spool_;
    SilentLogger logger_;
    fakes::PlayedHttp http_;
    RecordPool pool_;
    Semaphore settled_;
};

TEST_F(ChannelTest, InsistsOnAWriterThatNobodySteps) {
    LateSeat* seat = nullptr;
    EngineTools tools = this->tools();
    tools.make_seat = [&seat] {
        auto made = std::make_unique<LateSeat>();
        seat = made.get();
        return made;
    };
    auto channel = make_channel(tools);
    channel->log()->insist();
    EXPECT_EQ(seat->wakes, 0);  // nobody has asked for it
    Heard first, second;
    channel->append(record(), ear(first));
    channel->flush();
    channel->append(record(), ear(second));
    channel->flush();
    EXPECT_EQ(seat->wakes, 1);
    channel->log()->insist();
    EXPECT_EQ(seat->wakes, 2);
    channel->collect();
    EXPECT_EQ(first.times, 0);

    seat->served = true;
    while (seat->writer->step()) {
    }
    channel->collect();
    EXPECT_TRUE(first.is_durable && second.is_durable);
    EXPECT_EQ(second.number, first.number + 1);

    // One that is served is woken by the post alone.
    channel->log()->insist();
    const int woken = seat->wakes;
    EXPECT_EQ(woken, 2);
    Heard third;
    channel->append(record(), ear(third));
    channel->flush();
    EXPECT_EQ(seat->wakes, woken + 1);
    seat->writer->finish();
    channel->collect();
    EXPECT_EQ(third.times, 1);
}

TEST_F(ChannelTest, IsServedByAThreadUntilItRetires) {
    ThreadGroup threads(logger_);
    EngineTools tools = this->tools();
    tools.make_seat = [&threads] { return make_thread_seat(threads); };
    auto channel = make_channel(tools);
    std::vector<Heard> heard(500);
    for (Heard& waiter : heard) {
        channel->append(record(), ear(waiter));
        channel->flush();
        if (&waiter == &heard.back()) channel->log()->retire();  // stores what was posted
        channel->collect();
    }
    channel->log()->retire();  // again
    EXPECT_TRUE(threads.join(std::chrono::steady_clock::now() + std::chrono::seconds(30)));
    channel->collect();
    for (const Heard& waiter : heard) {
        ASSERT_EQ(waiter.times, 1);
        ASSERT_TRUE(waiter.is_durable);
    }
}

TEST_F(ChannelTest, WaitsForItsThreadOnlyAsLongAsItTakes) {
    ThreadGroup threads(logger_);
    EngineTools tools = this->tools();
    tools.make_seat = [&threads] { return make_thread_seat(threads); };
    auto channel = make_channel(tools);
    for (int i = 0; i < 50; ++i) {
        Heard heard;
        channel->append(record(), ear(heard));
        channel->flush();
        while (heard.times == 0) {
            ASSERT_TRUE(settled_.wait(30'000)) << i;
            channel->collect();
        }
        EXPECT_TRUE(heard.is_durable);
    }
    channel->log()->retire();
    EXPECT_TRUE(threads.join(std::chrono::steady_clock::now() + std::chrono::seconds(30)));
}

TEST_F(ChannelTest, NeedsNoThreadToRetire) {
    ThreadGroup threads(logger_);
    EngineTools tools = this->tools();
    tools.make_seat = [&threads] { return make_thread_seat(threads); };
    make_channel(tools)->log()->retire();
    EXPECT_TRUE(threads.join(std::chrono::steady_clock::now()));
}

}  // namespace
}  // namespace momento
