#include "ingest/secret_file_watcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "fakes.h"

namespace momento {
namespace {

class SecretFileWatcherTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "momento-secret-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        write("first");
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::string path() const { return directory_ + "/secret"; }

    // In one step, as who cares does; old enough not to be suspected of changing again.
    void write(const std::string& content) {
        std::ofstream(path() + ".new") << content;
        const timespec times[2] = {{1'600'000'000, 0}, {1'600'000'000 + ++written_, 0}};
        ASSERT_EQ(utimensat(AT_FDCWD, (path() + ".new").c_str(), times, 0), 0);
        std::filesystem::rename(path() + ".new", path());
    }

    void start() {
        files_ = std::make_unique<SecretFileWatcher>(
            std::vector<SecretFile>{
                {*SecretSource::parse("file:" + path()), known_, known_ms_}},
            clock_, lines_, errands_.get(),
            [this](SecretOutcome outcome) {
                ++outcomes_;
                outcome_ = std::move(outcome);
                if (outcome_.set) value_ = outcome_.set->current.value.bytes();
            },
            may_say_);
        files_->step();
    }
    void pass(int64_t ms) {
        clock_.advance_ms(ms);
        files_->step();
    }

    std::string directory_;
    int written_ = 0;
    // From now on looks come back when a test lets them.
    void hang() {
        crew_ = std::make_unique<fakes::PlayedCrew>();
        errands_ = std::make_unique<Errands>(clock_, lines_, *crew_, [] {});
    }

    std::shared_ptr<const SecretSet> known_;  // by the master
    int64_t known_ms_ = 0;                    // its files are of the real clock's time
    SecretFileWatcher::MaySay may_say_;
    std::unique_ptr<fakes::PlayedCrew> crew_;
    std::unique_ptr<Errands> errands_;  // null: in place
    fakes::PlayedClock clock_;
    fakes::KeptLines lines_;
    std::unique_ptr<SecretFileWatcher> files_;
    int outcomes_ = 0;
    SecretOutcome outcome_;
    std::string value_;
};

TEST_F(SecretFileWatcherTest, ReadsAFileAtOnceAndWhenItChanges) {
    start();
    EXPECT_EQ(outcomes_, 1);
    EXPECT_EQ(value_, "first");
    EXPECT_EQ(outcome_.set->current.created_ms, 1'600'000'001'000);
    EXPECT_FALSE(outcome_.set->previous);

    pass(1'000);
    EXPECT_EQ(outcomes_, 1) << "nothing is new";
    write("second");
    pass(999);
    EXPECT_EQ(value_, "first");
    EXPECT_EQ(files_->next_us(), clock_.steady_us() + 1'000);
    pass(1);
    EXPECT_EQ(value_, "second");
    EXPECT_EQ(outcome_.asked_us, clock_.steady_us());
}

TEST_F(SecretFileWatcherTest, AWishIsGrantedAtOnceAndAnsweredAlsoIfNothingIsNew) {
    start();
    clock_.advance_ms(50);
    files_->want(0);
    EXPECT_LE(files_->next_us(), clock_.steady_us());
    files_->step();
    EXPECT_EQ(outcomes_, 2);
    EXPECT_FALSE(outcome_.set);
    EXPECT_FALSE(outcome_.failed);
    write("second");
    files_->want(0);
    pass(49);
    EXPECT_EQ(value_, "first");
    pass(1);
    EXPECT_EQ(value_, "second");
}

TEST_F(SecretFileWatcherTest, WhatIsEmptyBrokenOrGoneChangesNothingAndIsReportedOnce) {
    start();
    for (const char* content : {"", R"({"other":"member"})"}) {
        write(content);
        pass(1'000);
        pass(1'000);
    }
    std::filesystem::remove(path());
    pass(1'000);
    pass(1'000);
    EXPECT_EQ(outcomes_, 1);
    ASSERT_EQ(lines_.lines.size(), 3u);
    EXPECT_EQ(lines_.lines[0],
              "secret \"file:" + path() +
                  "\" has changed and is not read again, its last value is used "
                  "on: secret "
                  "\"file:" +
                  path() + "\" is empty");
    EXPECT_EQ(lines_.severities[2], Severity::error);

    write("second");
    pass(1'000);
    EXPECT_EQ(value_, "second");
    EXPECT_EQ(lines_.count("can be read again"), 1u);
}

TEST_F(SecretFileWatcherTest, AFileThatIsTheMastersOnlyIsMentionedAtTheStart) {
    std::filesystem::remove(path());  // as good as unreadable, also for root
    start();
    EXPECT_EQ(outcomes_, 1);
    EXPECT_FALSE(outcome_.set);
    pass(1'000);
    ASSERT_EQ(lines_.lines.size(), 1u);
    EXPECT_EQ(lines_.severities[0], Severity::error);
    EXPECT_EQ(lines_.count("cannot be followed, a change counts after a reload: cannot open"),
              1u);
    write("second");
    pass(1'000);
    EXPECT_EQ(value_, "second");
}

TEST_F(SecretFileWatcherTest, WhatAFileHeldBeforeIsItsPreviousVersion) {
    start();
    write("second");
    pass(1'000);
    ASSERT_TRUE(outcome_.set->previous);
    EXPECT_EQ(outcome_.set->previous->value.bytes(), "first");
    EXPECT_EQ(outcome_.set->current.created_ms, clock_.wall_ms()) << "found just now";

    const int64_t changed_ms = clock_.wall_ms();
    write("second");  // again: no rotation
    pass(1'000);
    EXPECT_EQ(outcome_.set->previous->value.bytes(), "first");
    EXPECT_EQ(outcome_.set->current.created_ms, changed_ms);
}

TEST_F(SecretFileWatcherTest, WhatTheMasterReadIsThePreviousVersionOfWhatIsThere) {
    SecretSet master;
    master.current.value = SecretValue("as configured");
    known_ = std::make_shared<SecretSet>(master);
    start();
    EXPECT_EQ(value_, "first");
    ASSERT_TRUE(outcome_.set->previous);
    EXPECT_EQ(outcome_.set->previous->value.bytes(), "as configured");
    EXPECT_LE(outcome_.set->current.created_ms, clock_.wall_ms());
    EXPECT_GT(outcome_.set->current.created_ms, 1'600'000'001'000) << "put there later";
}

TEST_F(SecretFileWatcherTest, WhatChangedSinceTheMasterReadItHasChanged) {
    known_ = std::make_shared<SecretSet>();
    write("");  // it cannot be read
    for (const bool is_changed : {true, false}) {
        known_ms_ = is_changed ? 1'600'000'000'000 : std::numeric_limits<int64_t>::max();
        lines_.lines.clear();
        start();
        pass(1'000);
        EXPECT_EQ(lines_.lines.size(), 1u);
        EXPECT_EQ(lines_.count("has changed and is not read again"), is_changed ? 1u : 0u);
    }
}

// What one process says at its first look keeps no other one from saying that it has changed.
TEST_F(SecretFileWatcherTest, FindingsOfTheSameFileAreToldApart) {
    std::vector<uint64_t> asked;
    may_say_ = [&asked](size_t, uint64_t what) {
        asked.push_back(what);
        return true;
    };
    start();
    write("");
    pass(1'000);
    start();
    EXPECT_EQ(lines_.count("has changed"), 1u);
    EXPECT_EQ(lines_.count("cannot be followed"), 1u);
    ASSERT_EQ(asked.size(), 2u);
    EXPECT_NE(asked.front(), asked.back());
}

TEST_F(SecretFileWatcherTest, OneOfManyProcessesSaysWhatAllFind) {
    std::vector<uint64_t> asked;
    may_say_ = [&asked](size_t, uint64_t what) {
        asked.push_back(what);
        return false;
    };
    start();
    write("");
    pass(1'000);
    write("again");
    pass(1'000);
    EXPECT_EQ(asked.size(), 2u) << "that it is empty, that it can be read";
    EXPECT_NE(asked.front(), asked.back());
    EXPECT_TRUE(lines_.lines.empty());
}

TEST_F(SecretFileWatcherTest, AFileThatHasJustChangedIsReadAgain) {
    // Written twice within a tick of the kernel's clock, it looks the same both times.
    const auto now_s = static_cast<time_t>(clock_.wall_ms() / 1'000);
    const timespec times[2] = {{now_s, 0}, {now_s, 0}};
    std::ofstream(path()) << "first";
    ASSERT_EQ(utimensat(AT_FDCWD, path().c_str(), times, 0), 0);
    start();
    outcomes_ = 0;
    pass(1'000);
    EXPECT_EQ(outcomes_, 1);
    pass(1'000);
    EXPECT_EQ(outcomes_, 2);
    pass(1'000);
    EXPECT_EQ(outcomes_, 2);
}

TEST_F(SecretFileWatcherTest, ALookThatHangsIsNotRepeatedAndAnswersWishes) {
    hang();
    start();
    pass(1'000);
    EXPECT_EQ(crew_->works.size(), 1u);
    EXPECT_EQ(outcomes_, 0);

    files_->want(0);
    EXPECT_LE(files_->next_us(), clock_.steady_us());
    files_->step();
    EXPECT_EQ(outcomes_, 1);
    EXPECT_TRUE(outcome_.failed);
    EXPECT_EQ(outcome_.asked_us, clock_.steady_us());
    EXPECT_GT(files_->next_us(), clock_.steady_us());

    crew_->works[0]();
    errands_->step();
    EXPECT_EQ(outcomes_, 2);
    EXPECT_FALSE(outcome_.failed);
    EXPECT_EQ(value_, "first");
    pass(0);
    EXPECT_EQ(crew_->works.size(), 2u) << "it is looked at again";
}

}  // namespace
}  // namespace momento
