#include "gateway/record_pool.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace momento {
namespace {

RecordBuffer record_of(size_t body) {
    RecordBuffer record(body);
    record.append_body(std::string(body, 'x'));
    return record;
}

TEST(RecordPool, GivesMemoryOutAgain) {
    RecordPool pool;
    RecordBuffer used = record_of(400);
    const char* memory = used.body().data();
    pool.give_back(std::move(used));
    EXPECT_GT(pool.bytes(), 400u);

    RecordBuffer record = pool.take(300);
    EXPECT_EQ(pool.bytes(), 0u);
    EXPECT_EQ(record.body(), "");
    record.append_body("another");
    EXPECT_EQ(record.body(), "another");
    EXPECT_EQ(record.body().data(), memory);
}

TEST(RecordPool, MakesRoomForALargerBody) {
    RecordPool pool;
    pool.give_back(record_of(400));
    const std::string body(5'000, 'y');
    RecordBuffer record = pool.take(body.size());
    EXPECT_GT(record.capacity(), body.size());
    record.append_body(body);
    EXPECT_EQ(record.body(), body);
}

TEST(RecordPool, HoldsNoMoreThanItsBound) {
    RecordPool pool;
    for (int i = 0; i < 5'000; ++i) pool.give_back(record_of(400));
    EXPECT_LE(pool.bytes(), RecordPool::max_bytes);
    EXPECT_GT(pool.bytes(), RecordPool::max_bytes / 2);
}

TEST(RecordPool, KeepsNoLargeOnes) {
    RecordPool pool;
    pool.give_back(record_of(RecordPool::max_record_bytes));
    pool.give_back(RecordBuffer());
    EXPECT_EQ(pool.bytes(), 0u);
}

}  // namespace
}  // namespace momento
