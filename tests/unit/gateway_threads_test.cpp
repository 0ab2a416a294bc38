#include "gateway/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "base/semaphore.h"
#include "fakes.h"
#include "gateway/seated_log.h"
#include "test_spool.h"

namespace momento {
namespace {

constexpr int64_t long_ms = 30'000;  // what has not happened by then never will

std::chrono::steady_clock::time_point soon() {
    return std::chrono::steady_clock::now() + std::chrono::milliseconds(long_ms);
}

TEST(ThreadGroupTest, TellsItsOwnerOfAnException) {
    SilentLogger logger;
    std::atomic<int> told{0};
    ThreadGroup threads(logger, [&told] { ++told; });
    EXPECT_TRUE(threads.start("fine", [] {}));
    EXPECT_TRUE(threads.join(soon()));
    EXPECT_FALSE(threads.has_failed());

    EXPECT_TRUE(threads.start("failing", [] { throw std::runtime_error("as planned"); }));
    EXPECT_TRUE(threads.join(soon()));
    EXPECT_TRUE(threads.has_failed());
    EXPECT_EQ(told, 1);
}

TEST(ThreadGroupTest, MakesAThreadWithoutHoldingUpOthers) {
    SilentLogger logger;
    Semaphore begun;
    Semaphore go_on;
    std::atomic<bool> is_first{true};
    std::atomic<bool> was_let_go{false};
    ThreadGroup threads(logger, {}, [&](ThreadGroup::Body body) {
        if (is_first.exchange(false)) {
            begun.post();
            was_let_go = go_on.wait(long_ms);
        }
        return std::thread(std::move(body));
    });
    std::thread slow([&threads] { EXPECT_TRUE(threads.start("slow", [] {})); });
    ASSERT_TRUE(begun.wait(long_ms));
    Semaphore ran;
    EXPECT_TRUE(threads.start("quick", [&ran] { ran.post(); }));
    EXPECT_TRUE(ran.wait(long_ms));
    go_on.post();
    slow.join();
    EXPECT_TRUE(was_let_go);
    EXPECT_TRUE(threads.join(soon()));
}

class SeatedLogTest : public testing::Test {
  protected:
    std::shared_ptr<SeatedLog> make_log(ThreadGroup& threads) {
        EngineTools tools;
        tools.clock = &system_clock();
        tools.random = &system_random();
        tools.files = &system_files();
        tools.logger = &logger_;
        tools.http = &http_;
        tools.make_seat = [&threads] { return make_thread_seat(threads); };
        auto settings = std::make_shared<SpoolSettings>();
        settings->path = spool_.path();
        auto slots =
            std::make_shared<Slots>(spool_.path(), "bus", *tools.files, *tools.random, logger_);
        return SeatedLog::make(std::move(settings), std::move(slots), nullptr, tools, nullptr);
    }

    TestSpool spool_;
    SilentLogger logger_;
    fakes::PlayedHttp http_;
};

TEST_F(SeatedLogTest, OutlivesItsWriterForWhoeverPostsToIt) {
    ThreadGroup threads(logger_);
    std::shared_ptr<Log> log;
    {
        const std::shared_ptr<SeatedLog> seated = make_log(threads);
        seated->wake();
        log = seated;
        seated->retire();
    }
    EXPECT_TRUE(threads.join(soon()));
    log->release({{1, {}, Resolution::delivered}});
    log->wake_writer();  // whom nobody listens to any more
    const std::weak_ptr<Log> watched = log;
    log.reset();
    EXPECT_TRUE(watched.expired());
}

TEST_F(SeatedLogTest, LeavesNothingBehindForWantOfAThread) {
    ThreadGroup threads(logger_, {}, [](const ThreadGroup::Body&) -> std::thread {
        throw std::system_error(
            std::make_error_code(std::errc::resource_unavailable_try_again));
    });
    std::shared_ptr<SeatedLog> log = make_log(threads);
    log->wake();
    log->insist();
    log->retire();
    const std::weak_ptr<Log> watched = log;
    log.reset();
    EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace momento
