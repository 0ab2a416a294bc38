#include "delivery/entry.h"

#include <gtest/gtest.h>

namespace momento {
namespace {

std::shared_ptr<const Bytes> chunk_of(const std::string& text) {
    auto bytes = std::make_shared<Bytes>(text.size());
    text.copy(bytes->data(), text.size());
    return bytes;
}

TEST(Entry, DetachedItKeepsWhatItSaysAndLetsTheChunkGo) {
    auto chunk = chunk_of("cache topic body" + std::string(1000, '.'));
    std::weak_ptr<const Bytes> watch = chunk;
    Entry entry;
    entry.bytes = chunk;
    std::string_view view = chunk->view();
    entry.record.cache = view.substr(0, 5);
    entry.record.topic = view.substr(6, 5);
    entry.record.body = view.substr(12, 4);
    chunk.reset();

    entry.detach();
    EXPECT_TRUE(watch.expired());
    EXPECT_EQ(entry.record.cache, "cache");
    EXPECT_EQ(entry.record.topic, "topic");
    EXPECT_EQ(entry.record.body, "body");
    EXPECT_EQ(entry.record.trace_header, "");
}

TEST(Entry, WhatIsMostOfItsChunkIsNotCopied) {
    Entry entry;
    entry.bytes = chunk_of("body");
    entry.record.body = entry.bytes->view();
    const char* before = entry.record.body.data();
    entry.detach();
    EXPECT_EQ(entry.record.body.data(), before);
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
