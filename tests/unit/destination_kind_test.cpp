#include "destination/kind.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/metrics.h"
#include "destination/dead_reasons.h"

namespace momento {
namespace {

TEST(DestinationKind, IsAWholeRowUnderAWordOfItsOwn) {
    std::set<std::string_view> names;
    for (const DestinationKind* kind : destination_kinds()) {
        EXPECT_TRUE(names.insert(kind->name).second) << kind->name;
        EXPECT_EQ(find_kind(kind->name), kind);
        const std::string_view usage = kind->usage;
        EXPECT_EQ(usage.substr(0, kind->name.size() + 1), std::string(kind->name) + ' ');
        EXPECT_EQ(usage.back(), ';');
        EXPECT_NE(std::string_view(kind->target), "");
        EXPECT_NE(kind->elsewhere, nullptr);
        EXPECT_NE(kind->limits, nullptr);
        EXPECT_NE(kind->make, nullptr);
    }
    EXPECT_EQ(find_kind("carrier-pigeon"), nullptr);
}

// Nothing becomes some kind because nobody said which.
TEST(DestinationKind, IsNotGuessed) {
    TargetSettings settings;
    settings.name = "x";
    Warnings warnings;
    const Status resolved = resolve(settings, {}, warnings);
    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().text, "destination \"x\": it has no kind");
}

TEST(DestinationKind, CountsEachCodeThatItRefusesFor) {
    const auto& reasons = dead_reasons();
    ASSERT_LE(reasons.size(), max_dead_reasons);
    EXPECT_EQ(std::set<std::string_view>(reasons.begin(), reasons.end()).size(),
              reasons.size());
    EXPECT_EQ(reasons.back(), "other");
    EXPECT_EQ(dead_reason("whatever else"), reasons.size() - 1);
    for (const DestinationKind* kind : destination_kinds()) {
        for (const std::string_view code : kind->refusals) {
            EXPECT_EQ(reasons[dead_reason(code)], code);
            EXPECT_TRUE(was_in_log(dead_reason(code))) << code;
        }
    }
    for (const OwnReason reason : each<OwnReason>()) {
        EXPECT_EQ(reasons[static_cast<size_t>(reason)], own_reasons[reason]);
        EXPECT_FALSE(was_in_log(static_cast<size_t>(reason)));
    }
}

TEST(DestinationKind, TakesWhatAllKindsTake) {
    const EventLimits common = common_limits();
    for (const DestinationKind* kind : destination_kinds()) {
        const EventLimits limits = kind->limits({});
        EXPECT_LE(common.names, limits.names) << kind->name;
        EXPECT_LE(common.nesting, limits.nesting) << kind->name;
        EXPECT_TRUE(common.int64_only || !limits.int64_only) << kind->name;
    }
    EXPECT_EQ(common.entry_bytes, 0u);  // the destination's batch says
}

TEST(DestinationKind, AsksForTheSizeOfABatch) {
    TargetSettings settings;
    settings.source = "Momento";
    settings.batch.bytes = 1234;
    for (const DestinationKind* kind : destination_kinds()) {
        const EventLimits limits = kind->limits(settings);
        EXPECT_EQ(limits.entry_bytes, 1234u) << kind->name;
        EXPECT_GT(limits.entry_overhead, settings.source.size()) << kind->name;
    }
}

}  // namespace
}  // namespace momento
