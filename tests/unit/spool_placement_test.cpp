#include "spool/placement.h"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

namespace momento {
namespace {

TEST(Placement, WarnsOfAFileSystemInMemory) {
    struct statfs status {};
    if (statfs("/dev/shm", &status) != 0 || status.f_type != TMPFS_MAGIC) {
        GTEST_SKIP() << "/dev/shm is no tmpfs here";
    }
    EXPECT_EQ(doubt_placement("/dev/shm"),
              "spool \"/dev/shm\" is on tmpfs: its events do not survive a restart of the "
              "machine");
}

TEST(Placement, SaysNothingOfWhatItCannotSee) {
    EXPECT_EQ(doubt_placement("/no/such/directory"), std::nullopt);
    EXPECT_EQ(doubt_placement("/proc"), std::nullopt);
}

}  // namespace
}  // namespace momento
