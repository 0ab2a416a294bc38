// A directory of one test, gone with it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace momento {

class TemporaryDirectory {
  public:
    TemporaryDirectory() { EXPECT_NE(mkdtemp(path_.data()), nullptr); }
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::string& path() const { return path_; }

  private:
    std::string path_ = "/tmp/momento-test-XXXXXX";
};

}  // namespace momento
