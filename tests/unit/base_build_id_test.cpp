#include "base/build_id.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "temporary_directory.h"

namespace momento {
namespace {

class BuildIdTest : public testing::Test {
  protected:
    std::string write(const std::string& content) {
        const std::string path = directory_.path() + "/file";
        std::ofstream(path, std::ios::binary) << content;
        return path;
    }

    TemporaryDirectory directory_;
};

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(BuildIdTest, IsTheSameInMemoryAndInTheFile) {
    const LoadedBuild running = loaded_build();
    EXPECT_EQ(running.path, std::filesystem::read_symlink("/proc/self/exe").string());
    const auto in_file = build_id_of(running.path);
    ASSERT_TRUE(in_file) << in_file.error().text;
    EXPECT_EQ(*in_file, running.id);
}

TEST_F(BuildIdTest, IsAnotherInAnotherBuild) {
    const auto other = build_id_of("/bin/ls");
    ASSERT_TRUE(other) << other.error().text;
    EXPECT_EQ(other->size(), 20u);
    EXPECT_NE(*other, loaded_build().id);
}

TEST_F(BuildIdTest, IsNotLookedForInWhatIsNoProgram) {
    for (const std::string& content :
         {std::string(), std::string("#!/bin/sh\n"), "\177ELF" + std::string(60, '\xff')}) {
        const auto id = build_id_of(write(content));
        ASSERT_FALSE(id);
        EXPECT_NE(id.error().text.find("no ELF file"), std::string::npos) << id.error().text;
    }
    EXPECT_EQ(build_id_of(directory_.path() + "/missing").error().code, ENOENT);
}

// As while it is being copied.
TEST_F(BuildIdTest, IsNoOtherOneInAFileThatEndsEarly) {
    const std::string whole = content_of("/bin/ls");
    const std::string expected = *build_id_of("/bin/ls");
    for (size_t size = 0; size < 4096; size += 8) {
        const auto id = build_id_of(write(whole.substr(0, size)));
        if (id) {
            EXPECT_EQ(*id, expected) << size;
        }
    }
}

}  // namespace
}  // namespace momento
