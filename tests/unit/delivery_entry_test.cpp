#include "delivery/entry.h"

#include <gtest/gtest.h>

namespace momento {
namespace {

std::shared_ptr<const Bytes> chunk_of(const std::string& text) {
    auto bytes = std::make_shared<Bytes>(text.size());
    text.copy(bytes->data(), text.size());
    return bytes;
}

TEST(Entry, ParkedItLetsItsChunkGoAndKeepsWhatDeliveryKnows) {
    auto chunk = chunk_of("cache topic body" + std::string(1000, '.'));
    std::weak_ptr<const Bytes> watch = chunk;
    Entry entry;
    entry.bytes = chunk;
    std::string_view view = chunk->view();
    entry.record.cache = view.substr(0, 5);
    entry.record.topic = view.substr(6, 5);
    entry.record.body = view.substr(12, 4);
    entry.record.attempts = 3;
    chunk.reset();

    entry.park();
    EXPECT_TRUE(entry.is_parked());
    EXPECT_TRUE(watch.expired());
    EXPECT_TRUE(entry.record.body.empty());

    auto again = chunk_of("cache topic body");
    Record same;
    same.cache = again->view().substr(0, 5);
    same.topic = again->view().substr(6, 5);
    same.body = again->view().substr(12, 4);
    entry.unpark(same, again);
    EXPECT_FALSE(entry.is_parked());
    EXPECT_EQ(entry.record.cache, "cache");
    EXPECT_EQ(entry.record.topic, "topic");
    EXPECT_EQ(entry.record.body, "body");
    EXPECT_EQ(entry.record.trace_header, "");
    EXPECT_EQ(entry.record.attempts, 3u);
}

TEST(Entry, TheRetryClockStandsStillOnlyOnceItRuns) {
    Entry entry;
    entry.stop_clock(5'000'000);
    EXPECT_EQ(entry.record.held_ms, 0);
    entry.record.first_attempt_ms = 1;
    entry.stop_clock(5'000'000);
    EXPECT_EQ(entry.record.held_ms, 5'000);
    EXPECT_EQ(entry.clock_start_us, 5'000'000);
}

TEST(EntryPool, EntriesAreUsedAgainAsIfNew) {
    EntryPool pool;
    Entry* first = pool.take();
    first->record.attempts = 3;
    first->refusal.emplace();
    pool.give_back(first);
    Entry* second = pool.take();
    EXPECT_EQ(second, first);
    EXPECT_EQ(second->record.attempts, 0u);
    EXPECT_FALSE(second->refusal);
}

}  // namespace
}  // namespace momento
