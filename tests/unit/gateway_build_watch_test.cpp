#include "gateway/build_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "fakes.h"
#include "temporary_directory.h"

namespace momento {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BuildWatchTest : public testing::Test {
  protected:
    BuildWatchTest() {
        running_.path = directory_.path() + "/module.so";
        install("/bin/ls");
        running_.id = *build_id_of(running_.path);
    }

    // As dpkg does it: the new file takes the name.
    void install(const std::string& program) {
        std::filesystem::copy_file(program, running_.path + ".new");
        std::filesystem::rename(running_.path + ".new", running_.path);
    }

    std::vector<std::string> errors() const { return lines_.of(Severity::error); }

    BuildWatch watch() { return {running_, clock_, lines_, told_, nullptr}; }

    TemporaryDirectory directory_;
    LoadedBuild running_;
    fakes::PlayedClock clock_;
    fakes::KeptLines lines_;
    Counter told_{0};
};

TEST_F(BuildWatchTest, IsQuietWhileTheFileIsWhatRuns) {
    auto watch = this->watch();
    watch.step();
    install("/bin/ls");  // the same build once more
    clock_.advance_ms(60'000);
    watch.step();
    EXPECT_EQ(told_, 0u);
    EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(BuildWatchTest, SaysWithinAMinuteThatItIsAnother) {
    auto watch = this->watch();
    watch.step();
    install("/bin/cat");
    clock_.advance_ms(59'999);
    watch.step();
    EXPECT_EQ(told_, 0u);
    clock_.advance_ms(1);
    watch.step();
    EXPECT_NE(told_, 0u);
    EXPECT_THAT(errors(), ElementsAre(AllOf(HasSubstr(running_.path), HasSubstr("restart"))));
}

TEST_F(BuildWatchTest, SaysItOnceForAllWorkers) {
    install("/bin/cat");
    watch().step();
    watch().step();
    EXPECT_EQ(errors().size(), 1u);
}

TEST_F(BuildWatchTest, SaysThatItIsOver) {
    install("/bin/cat");
    watch().step();
    install("/bin/ls");
    watch().step();
    EXPECT_EQ(told_, 0u);
    EXPECT_THAT(errors(), ElementsAre(HasSubstr("another build"), HasSubstr("again")));
}

TEST_F(BuildWatchTest, KnowsNothingOfAFileThatIsGone) {
    install("/bin/cat");
    watch().step();
    std::filesystem::remove(running_.path);
    watch().step();
    EXPECT_NE(told_, 0u);
    EXPECT_EQ(errors().size(), 1u);
}

TEST_F(BuildWatchTest, LooksForNothingWithoutABuildIdOfItsOwn) {
    running_.id.clear();
    install("/bin/cat");
    watch().step();
    EXPECT_EQ(told_, 0u);
}

}  // namespace
}  // namespace momento
