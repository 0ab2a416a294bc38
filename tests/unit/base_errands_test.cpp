#include "base/errands.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <stdexcept>
#include <vector>

#include "base/semaphore.h"
#include "fakes.h"
#include "gateway/thread_crew.h"

namespace momento {
namespace {

constexpr std::chrono::seconds patience{20};

class ErrandsTest : public testing::Test, protected Crew {
  protected:
    bool take(std::function<void()> work) override {
        ++offers_;
        if (is_away_) return false;
        works_.push_back(std::move(work));
        return true;
    }

    void start(int value) {
        errands_.start<int>(
            {"somebody", "a file", "look at it"}, [value] { return value; },
            [this](int got) { got_.push_back(got); });
    }

    fakes::PlayedClock clock_;
    fakes::KeptLines lines_;
    bool is_away_ = false;
    int offers_ = 0;
    int wakes_ = 0;
    std::vector<std::function<void()>> works_;
    std::vector<int> got_;
    Errands errands_{clock_, lines_, *this, [this] { ++wakes_; }};
};

TEST_F(ErrandsTest, ComeBackInTheOrderInWhichTheyEnd) {
    start(1);
    start(2);
    works_[1]();
    EXPECT_EQ(wakes_, 1);
    EXPECT_TRUE(got_.empty()) << "not before step()";
    errands_.step();
    EXPECT_EQ(got_, (std::vector<int>{2}));
    works_[0]();
    errands_.step();
    EXPECT_EQ(got_, (std::vector<int>{2, 1}));
    EXPECT_TRUE(lines_.lines.empty());
}

TEST_F(ErrandsTest, OneThatHangsIsToldOfOnceAndWhenItComesBack) {
    start(1);
    clock_.advance_ms(4'999);
    errands_.step();
    EXPECT_TRUE(lines_.lines.empty());
    clock_.advance_ms(1);
    start(2);
    errands_.step();
    errands_.step();
    ASSERT_EQ(lines_.lines.size(), 1u);
    EXPECT_EQ(lines_.lines[0], "somebody has waited 5 s for a file: look at it");
    EXPECT_EQ(lines_.severities[0], Severity::error);

    clock_.advance_ms(2'000);
    works_[0]();
    works_[1]();
    errands_.step();
    ASSERT_EQ(lines_.lines.size(), 2u);
    EXPECT_EQ(lines_.lines[1], "somebody waits no more for a file, after 7 s");
    EXPECT_EQ(lines_.severities[1], Severity::error);
}

TEST_F(ErrandsTest, AreOfferedAgainOnceASecondWhileThereIsNobody) {
    is_away_ = true;
    start(1);
    start(2);
    EXPECT_EQ(offers_, 1) << "one in vain is enough";
    errands_.step();
    EXPECT_EQ(offers_, 1);
    clock_.advance_ms(1'000);
    errands_.step();
    EXPECT_EQ(offers_, 2);
    is_away_ = false;
    clock_.advance_ms(1'000);
    errands_.step();
    ASSERT_EQ(works_.size(), 2u);
    for (const auto& work : works_) work();
    errands_.step();
    EXPECT_EQ(got_, (std::vector<int>{1, 2}));
}

TEST_F(ErrandsTest, AnExceptionOfTheWorkComesOutOfTheStep) {
    errands_.start<int>(
        {}, []() -> int { throw std::runtime_error("no memory"); }, [](int) {});
    works_[0]();
    EXPECT_THROW(errands_.step(), std::runtime_error);
    errands_.step();
}

class ThreadCrewTest : public testing::Test {
  protected:
    ~ThreadCrewTest() override {
        crew_.retire();
        EXPECT_TRUE(threads_.join(std::chrono::steady_clock::now() + patience));
    }

    fakes::KeptLines lines_;
    ThreadGroup threads_{lines_};
    ThreadCrew crew_{threads_};
};

TEST_F(ThreadCrewTest, NothingWaitsForWhatHangs) {
    std::promise<void> end;
    const std::shared_future<void> ended = end.get_future().share();
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(crew_.take([ended] { ended.wait(); }));
    for (int i = 0; i < 100; ++i) {
        Semaphore done;
        ASSERT_TRUE(crew_.take([&done] { done.post(); }));
        ASSERT_TRUE(done.wait(20'000));
    }
    end.set_value();
}

TEST_F(ThreadCrewTest, AThreadLetsGoOfWhatItUsed) {
    const auto used = std::make_shared<int>(0);
    std::weak_ptr<int> seen = used;
    Semaphore done;
    struct Last {
        ~Last() {
            used.reset();
            if (bell != nullptr) bell->post();
        }
        std::shared_ptr<int> used;
        Semaphore* bell;
    };
    for (int i = 0; i < 2; ++i) {
        auto last = std::make_shared<Last>(Last{used, nullptr});
        last->bell = &done;
        ASSERT_TRUE(crew_.take([last = std::move(last)] {}));
        ASSERT_TRUE(done.wait(20'000));
    }
    EXPECT_EQ(seen.use_count(), 1);
}

TEST_F(ThreadCrewTest, TakesNothingAfterTheEnd) {
    crew_.retire();
    EXPECT_FALSE(crew_.take([] {}));
}

}  // namespace
}  // namespace momento
