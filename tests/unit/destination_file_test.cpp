#include "destination/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <limits.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <thread>

#include "base/json.h"
#include "destination/file_writer.h"
#include "fakes.h"

namespace momento {
namespace {

using Kind = EntryVerdict::Kind;

class FileDestinationTest : public testing::Test {
  protected:
    FileDestinationTest() {
        settings_.name = "bus";
        char spool[] = "/tmp/file-destination-spool-XXXXXX";
        settings_.spool = mkdtemp(spool);
        char path[] = "/tmp/file-destination-XXXXXX";
        close(mkstemp(path));
        path_ = path;
        settings_.path = path_;
        start();
    }
    ~FileDestinationTest() override {
        unlink(path_.c_str());
        std::filesystem::remove_all(settings_.spool);
    }

    // Anew, in place.
    void start() {
        file_ = std::make_unique<FileDestination>(settings_, clock_, system_files(), nullptr);
    }

    int open_file() const { return open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC); }

    std::string content() const {
        std::ifstream in(path_);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    std::vector<std::string> content_lines() const {
        std::istringstream in(content());
        std::vector<std::string> lines;
        for (std::string line; std::getline(in, line);) lines.push_back(line);
        return lines;
    }

    Record event(std::string_view body) {
        Record record;
        record.cache = "sample-a";
        record.topic = "sample-b";
        record.accepted_ms = 1'705'157'776'999;
        for (size_t i = 0; i < record.replay_id.size(); ++i) {
            record.replay_id[i] = static_cast<uint8_t>(0xF0 + i);
        }
        record.body = body;
        return record;
    }

    BatchResult send(std::vector<const Record*> batch) {
        std::optional<BatchResult> result;
        file_->send(std::move(batch), [&](BatchResult r) { result = std::move(r); });
        EXPECT_FALSE(result) << "done inside send()";
        file_->step();
        EXPECT_TRUE(result);
        return result.value_or(BatchResult{});
    }

    std::string path_;
    fakes::PlayedClock clock_;
    FileSettings settings_;
    std::unique_ptr<FileDestination> file_;
};

TEST_F(FileDestinationTest, WritesTheShapeEventBridgeDelivers) {
    file_->set_descriptor(open_file());
    Record record = event(R"({"cache":"sample-a","text":"{\"k\":1}"})");
    BatchResult result = send({&record});
    EXPECT_EQ(result.entries.at(0).kind, Kind::delivered);
    EXPECT_EQ(content(),
              R"({"version":"0","id":"f0f1f2f3-f4f5-46f7-b8f9-fafbfcfdfeff",)"
              R"("detail-type":"sample-a#sample-b","source":"Momento",)"
              R"("account":"000000000000","time":"2024-01-13T14:56:16Z","region":"local",)"
              R"("resources":[],"detail":{"cache":"sample-a","text":"{\"k\":1}"}})"
              "\n");
}

TEST_F(FileDestinationTest, OneEventIsOneLine) {
    file_->set_descriptor(open_file());
    Record a = event("{\r\n  \"text\": \"a\\nb\"\n}");
    Record b = event("{\"n\":2}");
    send({&a, &b});
    auto lines = content_lines();
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(Json::parse(lines[0])->get("detail").get("text").as_string(), "a\nb");
    EXPECT_EQ(Json::parse(lines[1])->get("detail").get("n").as_integer(), 2);
}

TEST_F(FileDestinationTest, HoldsUntilTheFileIsOpen) {
    Record record = event("{}");
    BatchResult result = send({&record});
    EXPECT_EQ(result.entries.at(0).kind, Kind::hold);
    file_->set_descriptor(open_file());
    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::delivered);
}

TEST_F(FileDestinationTest, TheNextBatchGoesToTheNewDescriptor) {
    file_->set_descriptor(open_file());
    Record record = event("{\"n\":1}");
    send({&record});
    std::string old = path_ + ".old";
    ASSERT_EQ(rename(path_.c_str(), old.c_str()), 0);
    file_->set_descriptor(open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    Record next = event("{\"n\":2}");
    send({&next});
    auto lines = content_lines();
    unlink(old.c_str());
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(Json::parse(lines[0])->get("detail").get("n").as_integer(), 2);
}

TEST_F(FileDestinationTest, AFailedWriteIsTriedAgain) {
    file_->set_descriptor(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    Record record = event("{}");
    BatchResult result = send({&record});
    EXPECT_EQ(result.entries.at(0).kind, Kind::retry);
    EXPECT_EQ(result.entries.at(0).code, "WriteFailed");
    EXPECT_TRUE(result.unreachable);
    EXPECT_NE(result.trouble.find("Bad file descriptor"), std::string::npos) << result.trouble;
}

TEST_F(FileDestinationTest, WhatCannotBeSyncedCountsWhenItIsWritten) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const int others[] = {ends[1], open("/dev/null", O_WRONLY | O_CLOEXEC)};
    Record record = event("{}");
    for (const int other : others) {
        file_->set_descriptor(other);
        EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::delivered);
    }
    close(ends[0]);
}

TEST_F(FileDestinationTest, ATornLineEndsBeforeTheNextBatch) {
    file_->set_descriptor(open_file());
    Record record = event("{\"n\":1}");
    // The file may grow to 100 bytes: the first write is cut there, the second fails.
    auto ignored = signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit small = before;
    small.rlim_cur = 100;
    setrlimit(RLIMIT_FSIZE, &small);
    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::retry);
    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::retry);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, ignored);

    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::delivered);
    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::delivered);
    auto lines = content_lines();
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0].size(), 100u);
    EXPECT_TRUE(Json::parse(lines[1]));
    EXPECT_EQ(lines[1], lines[2]);
}

TEST_F(FileDestinationTest, ALineThatAnotherProcessToreEndsBeforeTheNext) {
    std::ofstream(path_) << "{\"version\":\"0\",\"id";
    file_->set_descriptor(open_file());
    Record record = event("{\"n\":1}");
    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::delivered);
    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::delivered);

    // And once more, while this one has the file open.
    std::ofstream(path_, std::ios::app) << "{\"version";
    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::delivered);
    auto lines = content_lines();
    ASSERT_EQ(lines.size(), 5u);
    EXPECT_FALSE(Json::parse(lines[0]));
    EXPECT_TRUE(Json::parse(lines[1]));
    EXPECT_EQ(lines[1], lines[2]);
    EXPECT_EQ(lines[3], "{\"version");
    EXPECT_EQ(lines[1], lines[4]);
}

TEST_F(FileDestinationTest, ALineThatAnotherProcessIsWritingIsNotTorn) {
    constexpr int lines_each = 100;
    const std::string line = std::string(60'000, 'x') + '\n';
    const auto write_lines = [&] {
        FileWriter writer(path_, {}, SyncMode::os, system_files());
        writer.set_descriptor(Descriptor(open_file()));
        for (int i = 0; i < lines_each; ++i) {
            EXPECT_EQ(writer.write(line).outcome, FileWriter::Outcome::written);
        }
    };
    std::thread other(write_lines);
    write_lines();
    other.join();
    size_t lines = 0;
    for (const std::string& each : content_lines()) {
        ASSERT_EQ(each.size() + 1, line.size());
        ++lines;
    }
    EXPECT_EQ(lines, size_t{2 * lines_each});
}

TEST_F(FileDestinationTest, NobodysLockOnTheFileIsWaitedFor) {
    file_->set_descriptor(open_file());
    int locked[2];
    int done[2];
    ASSERT_EQ(pipe(locked), 0);
    ASSERT_EQ(pipe(done), 0);
    const pid_t other = fork();
    if (other == 0) {
        close(done[1]);
        const int file = open(path_.c_str(), O_RDONLY);
        struct flock whole {};
        whole.l_type = F_RDLCK;
        char byte;
        const bool is_locked = fcntl(file, F_SETLK, &whole) == 0 && flock(file, LOCK_SH) == 0;
        if (write(locked[1], "x", 1) != 1) _exit(1);
        _exit(is_locked && read(done[0], &byte, 1) == 0 ? 0 : 1);
    }
    char byte;
    ASSERT_EQ(read(locked[0], &byte, 1), 1);
    Record record = event("{\"n\":1}");
    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::delivered);
    for (const int end : {locked[0], locked[1], done[0], done[1]}) close(end);
    int status = 0;
    ASSERT_EQ(waitpid(other, &status, 0), other);
    EXPECT_EQ(status, 0) << "it had the lock to the end";
    EXPECT_EQ(content_lines().size(), 1u);
}

// A pipe, its reading end a test's.
class PipeTest : public FileDestinationTest {
  protected:
    void SetUp() override {
        ASSERT_EQ(pipe2(ends_, O_CLOEXEC), 0);
        fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    }
    void TearDown() override {
        close(ends_[0]);
        close(ends_[1]);
    }

    int writing_end() const { return fcntl(ends_[1], F_DUPFD_CLOEXEC, 0); }

    std::string read_all() const {
        std::string all;
        char part[4096];
        for (ssize_t n; (n = read(ends_[0], part, sizeof part)) > 0;) {
            all.append(part, static_cast<size_t>(n));
        }
        return all;
    }

    int ends_[2];
    const std::string long_body_ = "{\"text\":\"" + std::string(2 * PIPE_BUF, 'x') + "\"}";
};

TEST_F(PipeTest, TheNextProcessEndsALineThatOneTore) {
    Record record = event(long_body_);
    fcntl(ends_[1], F_SETPIPE_SZ, PIPE_BUF);
    const pid_t other = fork();
    if (other == 0) {
        FileDestination torn(settings_, clock_, system_files(), nullptr);
        torn.set_descriptor(writing_end());
        torn.send({&record}, [](const BatchResult&) {});
        torn.step();  // the pipe has no room for it
        _exit(0);
    }
    pollfd has_begun{ends_[0], POLLIN, 0};
    ASSERT_EQ(poll(&has_begun, 1, 10'000), 1);
    kill(other, SIGKILL);
    ASSERT_EQ(waitpid(other, nullptr, 0), other);
    const std::string torn = read_all();
    ASSERT_NE(torn.back(), '\n');

    fcntl(ends_[1], F_SETPIPE_SZ, 1 << 16);
    for (int i = 0; i < 2; ++i) {
        file_->set_descriptor(writing_end());
        EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::delivered);
    }
    const std::string next = read_all();
    const std::string line = next.substr(1, next.size() / 2);
    EXPECT_EQ(next, "\n" + line + line);
    EXPECT_TRUE(Json::parse(line));
}

TEST_F(PipeTest, ALineOfAnotherPipeIsNoneOfThisOne) {
    Record record = event("{\"n\":1}");
    {
        PipeTurn turn(settings_.spool, settings_.path, system_files());
        struct stat another {};
        another.st_ino = 1;
        ASSERT_TRUE(*turn.take());
        ASSERT_TRUE(turn.mark(another, true));
        EXPECT_TRUE(turn.is_torn(another));
    }
    file_->set_descriptor(writing_end());
    send({&record});
    EXPECT_EQ(read_all().front(), '{');
}

TEST_F(PipeTest, WaitsForItsTurnUntilItIsToStop) {
    PipeTurn another(settings_.spool, settings_.path, system_files());
    ASSERT_TRUE(*another.take());
    file_->set_descriptor(writing_end());
    file_->stop_sending();
    Record record = event("{\"n\":1}");
    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::hold);
    EXPECT_EQ(read_all(), "");
    another.give_back();
    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::delivered);
}

TEST_F(FileDestinationTest, ABatchThatWaitsHasItsLinesAndIsToldOf) {
    fakes::PlayedCrew crew;
    fakes::KeptLines lines;
    Errands errands(clock_, lines, crew, [] {});
    FileDestination file(settings_, clock_, system_files(), &errands);
    file.set_descriptor(open_file());
    std::optional<BatchResult> result;
    {
        const std::string body = "{\"n\":1}";
        Record record = event(body);
        file.send({&record}, [&](BatchResult r) { result = std::move(r); });
        file.step();
        record.body = {};
    }
    file.step();
    ASSERT_EQ(crew.works.size(), 1u) << "it is sent once";
    clock_.advance_ms(5'000);
    errands.step();
    ASSERT_EQ(lines.count("destination \"bus\" has waited 5 s for \"" + path_ + '"'), 1u);
    EXPECT_EQ(lines.severities.back(), Severity::error);
    EXPECT_FALSE(result);

    crew.works[0]();
    errands.step();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->entries.at(0).kind, Kind::delivered);
    EXPECT_EQ(result->elapsed_us, 5'000'000);
    EXPECT_EQ(content_lines().size(), 1u);
    EXPECT_TRUE(Json::parse(content_lines().at(0))->get("detail").get("n").as_integer());
}

}  // namespace
}  // namespace momento
