#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/read_file.h"
#include "base/result.h"

namespace momento {
namespace {

TEST(SystemError, CarriesTheNumberAndItsMeaning) {
    errno = ENOSPC;
    Error error = system_error("cannot write \"x\"");
    EXPECT_EQ(error.text, "cannot write \"x\": No space left on device");
    EXPECT_EQ(error.code, ENOSPC);
}

TEST(SystemClock, CountsInItsUnits) {
    EXPECT_GT(system_clock().wall_ms(), 1'700'000'000'000);  // 2023, in ms
    EXPECT_LT(system_clock().wall_ms(), 4'000'000'000'000);  // 2096
    int64_t before = system_clock().steady_us();
    EXPECT_GE(system_clock().steady_us(), before);
}

TEST(SystemRandom, FillsEveryByteAndNoMore) {
    std::array<unsigned char, 600> seen{};  // larger than getrandom gives at once
    for (int round = 0; round < 8; ++round) {
        std::array<unsigned char, 602> data{};
        system_random().fill(data.data() + 1, 600);
        EXPECT_EQ(data.front(), 0);
        EXPECT_EQ(data.back(), 0);
        for (size_t i = 0; i < seen.size(); ++i) seen[i] |= data[i + 1];
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 0), 0);
}

class PlayedRandom final : public Random {
  public:
    explicit PlayedRandom(std::deque<unsigned char> bytes) : bytes_(std::move(bytes)) {}
    void fill(void* data, size_t size) override {
        std::fill_n(static_cast<unsigned char*>(data), size, bytes_.front());
        bytes_.pop_front();
    }

  private:
    std::deque<unsigned char> bytes_;
};

TEST(Random, UnitCoversZeroToJustBelowOne) {
    PlayedRandom random({0x00, 0xff, 0x80});
    EXPECT_EQ(random.unit(), 0.0);
    double most = random.unit();
    EXPECT_LT(most, 1.0);
    EXPECT_GT(most, 0.9999999999);
    EXPECT_NEAR(random.unit(), 0.50196, 0.00001);
}

class ReadFile : public testing::Test {
  protected:
    ReadFile() {
        std::string pattern = testing::TempDir() + "momento-read-XXXXXX";
        directory_ = mkdtemp(pattern.data());
        path_ = directory_ + "/file";
    }
    ~ReadFile() override { std::filesystem::remove_all(directory_); }

    void write(const std::string& content) {
        std::ofstream(path_, std::ios::binary) << content;
    }

    std::string directory_;
    std::string path_;
};

TEST_F(ReadFile, GivesTheWholeContentUpToTheLimit) {
    for (size_t size : {0u, 1u, 511u, 512u, 513u, 1'000u}) {
        write(std::string(size, 'x'));
        auto content = read_file(path_, 1'000);
        ASSERT_TRUE(content) << size;
        EXPECT_EQ(content->size(), size);
    }
    write(std::string(1'001, 'x'));
    EXPECT_EQ(read_file(path_, 1'000).error().text,
              "\"" + path_ + "\" is longer than 1000 bytes");
    EXPECT_FALSE(read_file(path_, 10));
}

TEST_F(ReadFile, ReadsFilesThatDoNotKnowTheirSize) {
    auto status = read_file("/proc/self/status", 1 << 20);
    ASSERT_TRUE(status);
    EXPECT_NE(status->find("VmSize"), std::string::npos);
}

TEST_F(ReadFile, NamesThePathAndTheCause) {
    auto missing = read_file(path_, 10);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().text, "cannot open \"" + path_ + "\": No such file or directory");
    EXPECT_EQ(missing.error().code, ENOENT);
}

TEST_F(ReadFile, RefusesWhatIsNoFileWithoutWaiting) {
    EXPECT_EQ(read_file(directory_, 10).error().text,
              "\"" + directory_ + "\" is not a regular file");
    ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
    EXPECT_EQ(read_file(path_, 10).error().text, "\"" + path_ + "\" is not a regular file");
}

}  // namespace
}  // namespace momento
