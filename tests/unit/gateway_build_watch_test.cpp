#include "gateway/build_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "fakes.h"

namespace momento {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Errors final : public Logger {
  public:
    void write(Severity severity, std::string line) override {
        if (severity == Severity::error) lines.push_back(std::move(line));
    }
    std::vector<std::string> lines;
};

class HandClock final : public Clock {
  public:
    int64_t wall_ms() const override { return 1'700'000'000'000; }
    int64_t steady_us() const override { return now_us; }
    int64_t now_us = 0;
};

class BuildWatchTest : public testing::Test {
  protected:
    BuildWatchTest() {
        char name[] = "/tmp/momento-build-XXXXXX";
        directory_ = mkdtemp(name);
        running_.path = directory_ + "/module.so";
        install("/bin/ls");
        running_.id = *build_id_of(running_.path);
    }
    ~BuildWatchTest() override { std::filesystem::remove_all(directory_); }

    // As dpkg does it: the new file takes the name.
    void install(const std::string& program) {
        std::filesystem::copy_file(program, running_.path + ".new");
        std::filesystem::rename(running_.path + ".new", running_.path);
    }

    BuildWatch watch() { return {running_, clock_, errors_, told_, nullptr}; }

    std::string directory_;
    LoadedBuild running_;
    HandClock clock_;
    Errors errors_;
    Counter told_{0};
};

TEST_F(BuildWatchTest, IsQuietWhileTheFileIsWhatRuns) {
    auto watch = this->watch();
    watch.step();
    install("/bin/ls");  // the same build once more
    clock_.now_us += 60'000'000;
    watch.step();
    EXPECT_EQ(told_, 0u);
    EXPECT_THAT(errors_.lines, IsEmpty());
}

TEST_F(BuildWatchTest, SaysWithinAMinuteThatItIsAnother) {
    auto watch = this->watch();
    watch.step();
    install("/bin/cat");
    clock_.now_us += 59'999'999;
    watch.step();
    EXPECT_EQ(told_, 0u);
    clock_.now_us += 1;
    watch.step();
    EXPECT_NE(told_, 0u);
    EXPECT_THAT(errors_.lines,
                ElementsAre(AllOf(HasSubstr(running_.path), HasSubstr("restart"))));
}

TEST_F(BuildWatchTest, SaysItOnceForAllWorkers) {
    install("/bin/cat");
    watch().step();
    watch().step();
    EXPECT_EQ(errors_.lines.size(), 1u);
}

TEST_F(BuildWatchTest, SaysThatItIsOver) {
    install("/bin/cat");
    watch().step();
    install("/bin/ls");
    watch().step();
    EXPECT_EQ(told_, 0u);
    EXPECT_THAT(errors_.lines, ElementsAre(HasSubstr("another build"), HasSubstr("again")));
}

TEST_F(BuildWatchTest, KnowsNothingOfAFileThatIsGone) {
    install("/bin/cat");
    watch().step();
    std::filesystem::remove(running_.path);
    watch().step();
    EXPECT_NE(told_, 0u);
    EXPECT_EQ(errors_.lines.size(), 1u);
}

TEST_F(BuildWatchTest, LooksForNothingWithoutABuildIdOfItsOwn) {
    running_.id.clear();
    install("/bin/cat");
    watch().step();
    EXPECT_EQ(told_, 0u);
}

}  // namespace
}  // namespace momento
