#include "spool/marks.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "spool/record.h"

namespace momento {
namespace {

class Marks : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "marks-XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        path_ = pattern;
        slot_ = std::move(*system_files().open_directory(path_, false));
    }
    void TearDown() override { std::filesystem::remove_all(path_); }

    std::unique_ptr<MarkWriter> open() {
        auto writer = MarkWriter::open(slot_);
        EXPECT_TRUE(writer) << writer.error().text;
        return std::move(*writer);
    }

    std::vector<uint64_t> sequences(uint64_t* first) {
        auto marks = read_marks(*slot_, first);
        EXPECT_TRUE(marks) << marks.error().text;
        std::vector<uint64_t> numbers;
        for (const Mark& mark : *marks) numbers.push_back(mark.sequence);
        return numbers;
    }
    std::vector<uint64_t> sequences() {
        uint64_t first = 0;
        return sequences(&first);
    }

    std::filesystem::path file() const { return path_ / "marks"; }

    void change_byte(size_t offset) {
        std::fstream stream(file(), std::ios::in | std::ios::out | std::ios::binary);
        stream.seekg(static_cast<std::streamoff>(offset));
        char byte = static_cast<char>(stream.get());
        stream.seekp(static_cast<std::streamoff>(offset));
        stream.put(static_cast<char>(byte ^ 1));
    }

    std::filesystem::path path_;
    std::shared_ptr<Directory> slot_;
};

using Numbers = std::vector<uint64_t>;

TEST_F(Marks, AreNoneWithoutAFile) {
    EXPECT_EQ(sequences(), Numbers());
    EXPECT_FALSE(std::filesystem::exists(file())) << "reading changes nothing";
}

TEST_F(Marks, ComeBackAsTheyWereMade) {
    ASSERT_TRUE(open()->append({{7, 1'700'000'000'000, MarkKind::redriven}}));
    ASSERT_TRUE(open()->append({{9, 1'700'000'000'001, MarkKind::removed}}));
    uint64_t first = 0;
    auto marks = *read_marks(*slot_, &first);
    ASSERT_EQ(marks.size(), 2u);
    EXPECT_EQ(marks[0].sequence, 7u);
    EXPECT_EQ(marks[0].made_ms, 1'700'000'000'000);
    EXPECT_EQ(marks[0].kind, MarkKind::redriven);
    EXPECT_EQ(marks[1].sequence, 9u);
    EXPECT_EQ(marks[1].kind, MarkKind::removed);
}

TEST_F(Marks, AreReadFromWhereTheLastReadingEnded) {
    uint64_t first = 0;
    ASSERT_TRUE(open()->append({{1}, {2}}));
    EXPECT_EQ(sequences(&first), (Numbers{1, 2}));
    EXPECT_EQ(sequences(&first), Numbers());
    ASSERT_TRUE(open()->append({{3}}));
    EXPECT_EQ(sequences(&first), Numbers{3});
}

TEST_F(Marks, AreMadeByOneAtATime) {
    auto writer = open();
    ASSERT_NE(writer, nullptr);
    EXPECT_EQ(open(), nullptr);
    writer.reset();
    EXPECT_NE(open(), nullptr);
}

TEST_F(Marks, ThatWereCutShortCountAsNotMadeAndAreOverwritten) {
    ASSERT_TRUE(open()->append({{1}, {2}}));
    std::filesystem::resize_file(file(), std::filesystem::file_size(file()) - 1);
    uint64_t first = 0;
    EXPECT_EQ(sequences(&first), Numbers{1});
    ASSERT_TRUE(open()->append({{3}}));
    EXPECT_EQ(sequences(&first), Numbers{3});
    EXPECT_EQ(sequences(), (Numbers{1, 3}));
}

TEST_F(Marks, AreSkippedWhenDamagedAndTheOthersStay) {
    ASSERT_TRUE(open()->append({{1}, {2}, {3}}));
    change_byte(64 + 32);
    EXPECT_EQ(sequences(), (Numbers{1, 3}));
}

TEST_F(Marks, AtTheEndThatAreNotWholeYetAreLookedAtAgain) {
    ASSERT_TRUE(open()->append({{1}, {2}}));
    uint64_t first = 0;
    change_byte(64 + 32);
    EXPECT_EQ(sequences(&first), Numbers{1});
    change_byte(64 + 32);
    EXPECT_EQ(sequences(&first), Numbers{2});
}

TEST_F(Marks, SurviveAFirstHeaderThatWasCutShort) {
    std::ofstream(file(), std::ios::binary) << "MMARKS";
    EXPECT_EQ(sequences(), Numbers());
    ASSERT_TRUE(open()->append({{5}}));
    EXPECT_EQ(sequences(), Numbers{5});
}

TEST_F(Marks, OfAnUnknownFormatAreLeftAlone) {
    ASSERT_TRUE(open()->append({{5}}));
    std::ifstream in(file(), std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    bytes[8] = 2;  // the format's version
    uint32_t crc = crc32c(0, bytes.data(), 60);
    for (int i = 0; i < 4; i++) bytes[60 + i] = static_cast<char>(crc >> (8 * i));
    std::ofstream(file(), std::ios::binary) << bytes;

    uint64_t first = 0;
    EXPECT_FALSE(read_marks(*slot_, &first));
    EXPECT_FALSE(open()->append({{6}}));
    std::ifstream again(file(), std::ios::binary);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(again), {}), bytes);
}

}  // namespace
}  // namespace momento
