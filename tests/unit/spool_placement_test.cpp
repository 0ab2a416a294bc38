#include "spool/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

namespace momento {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t size = 1 << 20;

// A directory with a link in it.
class PlacementTest : public testing::Test {
  protected:
    PlacementTest() {
        char name[] = "/tmp/momento-placement-XXXXXX";
        directory_ = mkdtemp(name);
        std::filesystem::create_directory(directory_ + "/disk");
        std::filesystem::create_symlink("disk/below", directory_ + "/link");
        std::filesystem::create_directory(directory_ + "/a b");
    }
    ~PlacementTest() override { std::filesystem::remove_all(directory_); }

    static std::string mount(const std::string& point, const std::string& type) {
        return "36 35 98:0 / " + point + " rw,relatime shared:1 - " + type +
               " server:/dev rw\n";
    }

    std::string directory_;
    std::string root_ = mount("/", "ext4");
};

TEST_F(PlacementTest, TellsWhatForgetsAndWhatIsOnTheNetwork) {
    const std::string table = root_ + mount(directory_ + "/disk", "tmpfs");
    EXPECT_THAT(doubt_placement(directory_ + "/disk/spool", size, table),
                ElementsAre("spool \"" + directory_ +
                            "/disk/spool\" is on tmpfs: its events do not survive a restart of "
                            "the machine"));
    EXPECT_THAT(
        doubt_placement("/spool", size, mount("/", "overlay")),
        ElementsAre(HasSubstr("is on overlay: its events do not survive the container")));
    for (const char* type : {"nfs4", "cifs", "fuse.sshfs"}) {
        EXPECT_THAT(doubt_placement(directory_, size, root_ + mount("/tmp", type)),
                    ElementsAre(HasSubstr("locks and syncs may not hold there")))
            << type;
    }
}

TEST_F(PlacementTest, SaysNothingOfALocalDiskOrOfWhatItCannotSee) {
    EXPECT_THAT(doubt_placement(directory_, size, root_), IsEmpty());
    EXPECT_THAT(doubt_placement("/no/such/directory", size, root_), IsEmpty());
    EXPECT_THAT(doubt_placement(directory_, size, ""), IsEmpty());
    EXPECT_THAT(doubt_placement(directory_, size, "no mount table\n"), IsEmpty());
}

TEST_F(PlacementTest, TheDeepestMountCountsAndOfOnePlaceTheLast) {
    const std::string disk = directory_ + "/disk";
    EXPECT_THAT(doubt_placement(disk, size, mount(disk, "ext4") + root_ + mount("/tmp", "nfs")),
                IsEmpty());
    EXPECT_THAT(doubt_placement(disk, size, root_ + mount(disk, "nfs") + mount(disk, "xfs")),
                IsEmpty());
    EXPECT_THAT(doubt_placement(disk + "2", size, root_ + mount(disk, "nfs")), IsEmpty());
    EXPECT_THAT(doubt_placement(directory_ + "/a b", size,
                                root_ + mount(directory_ + "/a\\040b", "nfs")),
                testing::SizeIs(1));
}

TEST_F(PlacementTest, FollowsLinks) {
    EXPECT_THAT(doubt_placement(directory_ + "/./link/../spool", size,
                                root_ + mount(directory_ + "/disk", "tmpfs")),
                ElementsAre(HasSubstr("is on tmpfs")));
}

TEST_F(PlacementTest, ADiskMustHoldALog) {
    EXPECT_THAT(doubt_placement("/", uint64_t{1} << 62, root_),
                ElementsAre(HasSubstr("smaller than its \"size\"")));
    // What may not answer is not asked.
    EXPECT_THAT(doubt_placement("/", uint64_t{1} << 62, mount("/", "nfs")),
                ElementsAre(HasSubstr("locks and syncs")));
}

TEST_F(PlacementTest, ReadsTheMachinesOwnTable) {
    EXPECT_THAT(doubt_placement("/", uint64_t{1} << 62),
                testing::Contains(HasSubstr("smaller than its \"size\"")));
}

}  // namespace
}  // namespace momento
