#include "gateway/queue_note.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "spool/slots.h"
#include "test_spool.h"

namespace momento {
namespace {

class QueueNoteTest : public testing::Test {
  protected:
    bool write(const std::vector<LetterForm>& forms) {
        Result<bool> written = write_queue_note(system_files(), spool_.path(), forms);
        EXPECT_TRUE(written) << written.error().text;
        return written && *written;
    }

    std::vector<std::string> destinations() {
        auto forms = read_queue_note(system_files(), spool_.path());
        EXPECT_TRUE(forms) << forms.error().text;
        std::vector<std::string> names;
        for (const LetterForm& form : *forms) names.push_back(form.destination);
        return names;
    }

    std::filesystem::path letters() const { return spool_.path() + "/.dead"; }

    TestSpool spool_;
    const LetterForm bus_{"bus", "hooks \"quoted\"", "Momento", "eu-west-1"};
};

TEST_F(QueueNoteTest, SaysWhatWasWritten) {
    EXPECT_TRUE(write({bus_, {"audit", "/var/log/audit.json", "Momento", "us-west-2"}}));
    EXPECT_EQ(destinations(), (std::vector<std::string>{"bus", "audit"}));
    auto forms = read_queue_note(system_files(), spool_.path());
    EXPECT_EQ((*forms)[0].target, bus_.target);
    EXPECT_EQ((*forms)[0].source, bus_.source);
    EXPECT_EQ((*forms)[0].region, bus_.region);
}

TEST_F(QueueNoteTest, IsNotMadeWhereNoQueueIsConfigured) {
    EXPECT_TRUE(write({}));
    EXPECT_FALSE(std::filesystem::exists(letters()));
    EXPECT_TRUE(destinations().empty());
}

TEST_F(QueueNoteTest, FollowsTheConfiguration) {
    EXPECT_TRUE(write({bus_}));
    EXPECT_TRUE(write({}));
    EXPECT_TRUE(destinations().empty());
}

TEST_F(QueueNoteTest, IsWrittenOnceAndByOneProcess) {
    EXPECT_TRUE(write({}));
    std::filesystem::create_directory(letters());
    auto directory = system_files().open_directory(letters(), false);
    auto lock = (*directory)->try_lock("queues.lock");
    ASSERT_TRUE(lock && *lock);
    EXPECT_FALSE(write({bus_}));
    lock->reset();
    EXPECT_TRUE(write({bus_}));
    lock = (*directory)->try_lock("queues.lock");
    EXPECT_TRUE(write({bus_})) << "it says so already: nothing to write";
}

TEST_F(QueueNoteTest, SurvivesACrashWhileItIsWritten) {
    std::filesystem::create_directory(letters());
    std::ofstream(letters() / "queues.new") << R"({"vers)";
    EXPECT_TRUE(write({bus_}));
    EXPECT_EQ(destinations(), std::vector<std::string>{"bus"});
}

TEST_F(QueueNoteTest, ThatCannotBeUnderstoodIsAnErrorUntilItIsWrittenAnew) {
    EXPECT_TRUE(write({bus_}));
    for (const char* text :
         {"", "{", "[]", R"({"version":2,"queues":[]})", R"({"version":1})",
          R"({"version":1,"queues":[{"destination":"bus","target":"a","source":"b"}]})"}) {
        std::ofstream(letters() / "queues") << text;
        EXPECT_FALSE(read_queue_note(system_files(), spool_.path())) << text;
        EXPECT_TRUE(write({bus_}));
        EXPECT_EQ(destinations(), std::vector<std::string>{"bus"}) << text;
    }
}

TEST_F(QueueNoteTest, NeedsASpool) {
    EXPECT_FALSE(write_queue_note(system_files(), "/no/such/spool", {bus_}));
    EXPECT_FALSE(read_queue_note(system_files(), "/no/such/spool"));
}

}  // namespace
}  // namespace momento
