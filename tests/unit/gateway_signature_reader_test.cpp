#include "gateway/signature_reader.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <set>

#include "fakes.h"
#include "test_spool.h"

namespace momento {
namespace {

using std::chrono::seconds;

class TheSignatureReader : public testing::Test {
  protected:
    ~TheSignatureReader() override {
        reader_.stop();
        EXPECT_TRUE(threads_.join(std::chrono::steady_clock::now() + seconds(10)));
    }

    Record signed_event(uint8_t id) {
        Record record = TestSpool::event("{}");
        record.replay_id.fill(id);
        record.replay_zone = 1;
        return record;
    }

    SignatureBatch read(int64_t since_ms) {
        EXPECT_TRUE(reader_.start(since_ms, false));
        return collect();
    }

    // Everything up to the last batch.
    SignatureBatch collect() {
        SignatureBatch all;
        while (!all.is_last) {
            std::unique_lock lock(mutex_);
            if (!woken_.wait_for(lock, seconds(10), [this] { return is_woken_; })) break;
            is_woken_ = false;
            lock.unlock();
            reader_.collect([&](const SignatureBatch& batch) {
                all.signatures.insert(all.signatures.end(), batch.signatures.begin(),
                                      batch.signatures.end());
                all.is_last = batch.is_last;
                all.failed = batch.failed;
            });
        }
        EXPECT_TRUE(all.is_last);
        return all;
    }

    void wake() {
        const std::lock_guard lock(mutex_);
        is_woken_ = true;
        woken_.notify_all();
    }

    TestSpool spool_;
    fakes::KeptLines lines_;
    std::mutex mutex_;
    std::condition_variable woken_;
    bool is_woken_ = false;
    ThreadGroup threads_{lines_};
    SignatureReader reader_{spool_.path(), system_files(), lines_, threads_,
                            [this] { wake(); }};
};

TEST_F(TheSignatureReader, DeliversWhatTheSpoolHoldsAndThenTheEnd) {
    spool_.append("bus", {signed_event(1), signed_event(2)});
    spool_.append("other", {signed_event(3)});
    const SignatureBatch all = read(0);
    std::set<int> ids;
    for (const AcceptedSignature& signature : all.signatures) ids.insert(signature.id[0]);
    EXPECT_EQ(ids, (std::set<int>{1, 2, 3}));
    EXPECT_FALSE(all.failed);
}

TEST_F(TheSignatureReader, ReadsAgain) {
    EXPECT_TRUE(read(0).signatures.empty());
    spool_.append("bus", {signed_event(1)});
    EXPECT_EQ(read(0).signatures.size(), 1u);
}

TEST_F(TheSignatureReader, DeliversMoreThanOneBatch) {
    std::vector<Record> records(2'500, signed_event(1));
    spool_.append("bus", records);
    EXPECT_EQ(read(0).signatures.size(), 2'500u);
}

TEST_F(TheSignatureReader, WaitsUntilAnotherProcessHasSaidWhatIsDurable) {
    Tails tails(spool_.path(), spool_.tools());
    for (uint8_t id : {1, 2}) {
        std::vector<RecordBuffer> records;
        records.push_back(RecordBuffer::from(signed_event(id)));
        ASSERT_TRUE(tails.append("bus", std::move(records)));
    }
    EXPECT_TRUE(read(0).signatures.back().in_doubt);

    ASSERT_TRUE(reader_.start(0, true));
    tails.finish();
    EXPECT_FALSE(collect().signatures.back().in_doubt);
}

TEST_F(TheSignatureReader, SaysThatItWasStopped) {
    reader_.stop();
    EXPECT_TRUE(read(0).failed);
}

}  // namespace
}  // namespace momento
