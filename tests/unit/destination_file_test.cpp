#include "destination/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/json.h"
#include "fakes.h"

namespace momento {
namespace {

using Kind = EntryVerdict::Kind;

class FileDestinationTest : public testing::Test {
  protected:
    FileDestinationTest() : file_(settings_, clock_) {
        char path[] = "/tmp/file-destination-XXXXXX";
        close(mkstemp(path));
        path_ = path;
    }
    ~FileDestinationTest() override { unlink(path_.c_str()); }

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
        file_.send(std::move(batch), [&](BatchResult r) { result = std::move(r); });
        EXPECT_FALSE(result) << "done inside send()";
        file_.step();
        EXPECT_TRUE(result);
        return result.value_or(BatchResult{});
    }

    std::string path_;
    fakes::PlayedClock clock_;
    FileSettings settings_;
    FileDestination file_;
};

TEST_F(FileDestinationTest, WritesTheShapeEventBridgeDelivers) {
    file_.set_descriptor(open_file());
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
    file_.set_descriptor(open_file());
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
    file_.set_descriptor(open_file());
    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::delivered);
}

TEST_F(FileDestinationTest, TheNextBatchGoesToTheNewDescriptor) {
    file_.set_descriptor(open_file());
    Record record = event("{\"n\":1}");
    send({&record});
    std::string old = path_ + ".old";
    ASSERT_EQ(rename(path_.c_str(), old.c_str()), 0);
    file_.set_descriptor(open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    Record next = event("{\"n\":2}");
    send({&next});
    auto lines = content_lines();
    unlink(old.c_str());
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(Json::parse(lines[0])->get("detail").get("n").as_integer(), 2);
}

TEST_F(FileDestinationTest, AFailedWriteIsTriedAgain) {
    file_.set_descriptor(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    Record record = event("{}");
    BatchResult result = send({&record});
    EXPECT_EQ(result.entries.at(0).kind, Kind::retry);
    EXPECT_EQ(result.entries.at(0).code, "WriteFailed");
    EXPECT_TRUE(result.unreachable);
    EXPECT_NE(result.trouble.find("Bad file descriptor"), std::string::npos) << result.trouble;
}

TEST_F(FileDestinationTest, AFailedSyncIsNotADelivery) {
    file_.set_descriptor(open("/dev/null", O_WRONLY | O_CLOEXEC));  // cannot be synced
    Record record = event("{}");
    BatchResult result = send({&record});
    EXPECT_EQ(result.entries.at(0).kind, Kind::retry);
    EXPECT_EQ(result.entries.at(0).code, "SyncFailed");

    settings_.sync = SyncMode::os;
    FileDestination unsynced(settings_, clock_);
    unsynced.set_descriptor(open("/dev/null", O_WRONLY | O_CLOEXEC));
    unsynced.send({&record},
                  [](const BatchResult& r) { EXPECT_EQ(r.entries[0].kind, Kind::delivered); });
    unsynced.step();
}

TEST_F(FileDestinationTest, ATornLineEndsBeforeTheNextBatch) {
    file_.set_descriptor(open_file());
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
    file_.set_descriptor(open_file());
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

TEST_F(FileDestinationTest, WaitsForAnotherProcessToFinishItsLine) {
    file_.set_descriptor(open_file());
    Record record = event("{\"n\":1}");
    int locked[2];
    ASSERT_EQ(pipe(locked), 0);
    const pid_t other = fork();
    if (other == 0) {
        const int file = open_file();
        struct flock whole {};
        whole.l_type = F_WRLCK;
        fcntl(file, F_SETLKW, &whole);
        bool wrote = write(file, "{\"other\":", 9) == 9 && write(locked[1], "x", 1) == 1;
        usleep(50'000);  // whoever does not wait writes in here
        _exit(wrote && write(file, "1}\n", 3) == 3 ? 0 : 1);
    }
    char byte;
    ASSERT_EQ(read(locked[0], &byte, 1), 1);
    EXPECT_EQ(send({&record}).entries.at(0).kind, Kind::delivered);
    int status = 0;
    ASSERT_EQ(waitpid(other, &status, 0), other);
    EXPECT_EQ(status, 0);
    close(locked[0]);
    close(locked[1]);
    auto lines = content_lines();
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0], "{\"other\":1}");
    EXPECT_TRUE(Json::parse(lines[1]));
}

}  // namespace
}  // namespace momento
