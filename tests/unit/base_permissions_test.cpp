#include "base/permissions.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "temporary_directory.h"

namespace momento {
namespace {

class PermissionsTest : public testing::Test {
  protected:
    PermissionsTest() {
        below_ = top_ + "/below";
        file_ = below_ + "/file";
        std::filesystem::create_directory(below_);
        std::ofstream{file_} << "x";
        allow(top_, 0755);
        allow(below_, 0755);
    }

    static void allow(const std::string& path, mode_t mode) {
        ASSERT_EQ(chmod(path.c_str(), mode), 0);
    }

    TemporaryDirectory directory_;
    const std::string top_ = directory_.path();
    std::string below_;
    std::string file_;
    const Account owner_{geteuid() == 0 ? 12345u : geteuid(), {}};
    const Account member_{54321, {7, getegid()}};
    const Account other_{54321, {7}};
};

TEST_F(PermissionsTest, NamesTheFirstDirectoryThatKeepsSomebodyOut) {
    EXPECT_EQ(closed_directory(file_, other_), "");
    allow(below_, 0750);
    EXPECT_EQ(closed_directory(file_, other_), below_);
    EXPECT_EQ(closed_directory(file_, member_), "");
    EXPECT_EQ(closed_directory(below_, other_), "") << "what is above counts";
    allow(top_, 0700);
    EXPECT_EQ(closed_directory(file_, other_), top_);
    EXPECT_EQ(closed_directory(file_, member_), top_);
    EXPECT_EQ(closed_directory(file_, Account{0, {}}), "") << "root enters all";
}

TEST_F(PermissionsTest, AFileIsReadByItsOwnerItsGroupOrOthers) {
    allow(file_, 0640);
    EXPECT_FALSE(may_read(file_, other_));
    EXPECT_TRUE(may_read(file_, member_));
    allow(file_, 0604);
    EXPECT_TRUE(may_read(file_, other_));
    EXPECT_FALSE(may_read(file_, member_)) << "the group's bits count for its members";
    allow(file_, 0600);
    EXPECT_FALSE(may_read(file_, member_));
    ASSERT_EQ(geteuid() == 0 ? chown(file_.c_str(), owner_.user, getegid()) : 0, 0);
    EXPECT_TRUE(may_read(file_, owner_));
    EXPECT_TRUE(may_read(top_ + "/none", other_)) << "nobody knows";
}

TEST_F(PermissionsTest, ThisProcessIsAskedOfTheKernel) {
    EXPECT_EQ(closed_directory(file_), "");
    EXPECT_EQ(closed_directory(top_ + "/none/file"), "") << "that is something else";
}

}  // namespace
}  // namespace momento
