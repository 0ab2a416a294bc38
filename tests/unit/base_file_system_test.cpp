#include "base/file_system.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace momento {
namespace {

class SystemFiles : public testing::Test {
  protected:
    SystemFiles() {
        std::string pattern = testing::TempDir() + "momento-files-XXXXXX";
        path_ = mkdtemp(pattern.data());
        auto opened = system_files().open_directory(path_, false);
        EXPECT_TRUE(opened);
        directory_ = std::move(*opened);
    }
    ~SystemFiles() override { std::filesystem::remove_all(path_); }

    std::unique_ptr<File> create(const std::string& name) {
        auto file = directory_->open(name, Directory::Mode::create);
        EXPECT_TRUE(file);
        return std::move(*file);
    }

    std::string content(const std::string& name) {
        std::ifstream in(path_ + "/" + name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    mode_t mode(const std::string& name) {
        struct stat info {};
        EXPECT_EQ(lstat((path_ + "/" + name).c_str(), &info), 0);
        return info.st_mode & 07777;
    }

    std::string path_;
    std::unique_ptr<Directory> directory_;
};

TEST_F(SystemFiles, WritesPiecesOneAfterTheOther) {
    auto file = create("a");
    std::string_view pieces[] = {"one", "", "two", "three"};
    ASSERT_TRUE(file->write_at(2, pieces, 4));
    ASSERT_TRUE(file->write_at(0, "##"));
    EXPECT_EQ(content("a"), "##onetwothree");
    EXPECT_EQ(*file->size(), 13u);
    EXPECT_TRUE(file->sync());
}

TEST_F(SystemFiles, WritesMorePiecesThanOneSystemCallTakes) {
    auto file = create("a");
    std::vector<std::string_view> pieces(1'000);  // empty ones first: they move nothing
    std::string expected;
    for (int i = 0; i < 3'000; ++i) {
        pieces.push_back(i % 2 == 0 ? "even" : "odd");
        expected += pieces.back();
    }
    ASSERT_TRUE(file->write_at(0, pieces.data(), pieces.size()));
    EXPECT_EQ(content("a"), expected);
}

TEST_F(SystemFiles, ReadsFewerBytesOnlyAtTheEnd) {
    auto file = create("a");
    ASSERT_TRUE(file->write_at(0, "0123456789"));
    char data[16] = {};
    EXPECT_EQ(*file->read_at(4, data, 3), 3u);
    EXPECT_EQ(std::string_view(data, 3), "456");
    EXPECT_EQ(*file->read_at(8, data, sizeof(data)), 2u);
    EXPECT_EQ(*file->read_at(10, data, sizeof(data)), 0u);
}

TEST_F(SystemFiles, CreateRefusesAnExistingFile) {
    create("a");
    EXPECT_EQ(mode("a"), 0600u);
    auto again = directory_->open("a", Directory::Mode::create);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, EEXIST);
    EXPECT_EQ(again.error().text, "cannot create \"" + path_ + "/a\": File exists");
}

TEST_F(SystemFiles, ReadAndWriteRefuseAMissingFile) {
    EXPECT_EQ(directory_->open("a", Directory::Mode::read).error().code, ENOENT);
    EXPECT_EQ(directory_->open("a", Directory::Mode::write).error().code, ENOENT);
}

TEST_F(SystemFiles, AFileOpenedForReadingCannotBeWritten) {
    create("a");
    auto file = directory_->open("a", Directory::Mode::read);
    ASSERT_TRUE(file);
    EXPECT_EQ((*file)->write_at(0, "x").error().code, EBADF);
}

TEST_F(SystemFiles, ChildrenAreNeverReachedThroughLinks) {
    ASSERT_TRUE(directory_->open_directory("real", true));
    EXPECT_EQ(mode("real"), 0700u);
    ASSERT_EQ(symlink("real", (path_ + "/link").c_str()), 0);
    EXPECT_FALSE(directory_->open_directory("link", false));
    EXPECT_FALSE(directory_->open_directory("link", true));

    create("file");
    ASSERT_EQ(symlink("file", (path_ + "/filelink").c_str()), 0);
    EXPECT_EQ(directory_->open("filelink", Directory::Mode::write).error().code, ELOOP);
    EXPECT_EQ(directory_->try_lock("filelink").error().code, ELOOP);
}

TEST_F(SystemFiles, OpensADirectoryThatExistsAndMakesOneThatDoesNot) {
    EXPECT_EQ(directory_->open_directory("d", false).error().code, ENOENT);
    ASSERT_TRUE(directory_->open_directory("d", true));
    ASSERT_TRUE(directory_->open_directory("d", true));
    ASSERT_TRUE(directory_->open_directory("d", false));
    EXPECT_EQ(system_files().open_directory(path_ + "/x/y", true).error().code, ENOENT);
    EXPECT_TRUE(system_files().open_directory(path_ + "/x", true));
    EXPECT_TRUE(directory_->sync());
}

TEST_F(SystemFiles, ARenamedDirectoryKeepsItsFiles) {
    auto child = directory_->open_directory("d", true);
    ASSERT_TRUE(child);
    ASSERT_TRUE(directory_->rename("d", "elsewhere"));
    ASSERT_TRUE((*child)->open("f", Directory::Mode::create));
    EXPECT_TRUE(std::filesystem::exists(path_ + "/elsewhere/f"));
}

TEST_F(SystemFiles, ListsEverythingEveryTime) {
    create("a");
    create(".hidden");
    ASSERT_TRUE(directory_->open_directory("d", true));
    for (int i = 0; i < 2; ++i) {
        auto names = directory_->list();
        ASSERT_TRUE(names);
        std::sort(names->begin(), names->end());
        EXPECT_EQ(*names, (std::vector<std::string>{".hidden", "a", "d"}));
    }
}

TEST_F(SystemFiles, RemovesFilesAndEmptyDirectories) {
    create("a");
    auto child = directory_->open_directory("d", true);
    ASSERT_TRUE((*child)->open("f", Directory::Mode::create));
    EXPECT_TRUE(directory_->remove("a"));
    EXPECT_EQ(directory_->remove("a").error().code, ENOENT);
    EXPECT_EQ(directory_->remove("d").error().code, ENOTEMPTY);
    ASSERT_TRUE((*child)->remove("f"));
    EXPECT_TRUE(directory_->remove("d"));
    EXPECT_TRUE(directory_->list()->empty());
}

TEST_F(SystemFiles, AFileMayHaveASecondNameInAnotherDirectory) {
    ASSERT_TRUE(create("a")->write_at(0, "data"));
    auto other = directory_->open_directory("other", true);
    ASSERT_TRUE(other);
    EXPECT_EQ(*directory_->links("a"), 1u);
    ASSERT_TRUE(directory_->link("a", **other));
    EXPECT_EQ(*directory_->links("a"), 2u);
    EXPECT_EQ(content("other/a"), "data");
    EXPECT_EQ(directory_->link("a", **other).error().code, EEXIST);
    EXPECT_EQ(directory_->link("b", **other).error().code, ENOENT);
    EXPECT_EQ(directory_->links("b").error().code, ENOENT);
    ASSERT_TRUE(directory_->remove("a"));
    EXPECT_EQ(*(*other)->links("a"), 1u);
}

TEST_F(SystemFiles, OnlyOneHoldsALock) {
    auto first = directory_->try_lock("lock");
    ASSERT_TRUE(first);
    ASSERT_NE(*first, nullptr);
    EXPECT_EQ(mode("lock"), 0600u);

    auto second = directory_->try_lock("lock");
    ASSERT_TRUE(second);
    EXPECT_EQ(*second, nullptr);

    first->reset();
    EXPECT_NE(*directory_->try_lock("lock"), nullptr);
}

TEST_F(SystemFiles, ALockIsOnTheFileThatStandsInTheDirectory) {
    auto first = directory_->try_lock("lock");
    ASSERT_TRUE(directory_->remove("lock"));
    auto second = directory_->try_lock("lock");  // a new file: the old lock guards nothing
    ASSERT_TRUE(second);
    EXPECT_NE(*second, nullptr);
    EXPECT_EQ(*directory_->try_lock("lock"), nullptr);
}

TEST_F(SystemFiles, GoesOnAfterAShortWrite) {
    auto file = create("a");
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    auto ignored = std::signal(SIGXFSZ, SIG_IGN);
    rlimit small{10, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);

    // The system takes ten bytes of the twelve; the rest is offered again, and refused.
    std::string_view pieces[] = {"0123", "4567", "89ab"};
    Status written = file->write_at(0, pieces, 3);

    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, ignored);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, EFBIG);
    EXPECT_EQ(content("a"), "0123456789");
}

TEST_F(SystemFiles, AFullDiskIsAnErrorWithItsNumber) {
    auto dev = system_files().open_directory("/dev", false);
    ASSERT_TRUE(dev);
    auto full = (*dev)->open("full", Directory::Mode::write);
    if (!full) GTEST_SKIP() << full.error().text;
    Status written = (*full)->write_at(0, "x");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ENOSPC);
    EXPECT_EQ(written.error().text, "cannot write \"/dev/full\": No space left on device");
}

}  // namespace
}  // namespace momento
