#include "delivery/reports.h"

#include <gtest/gtest.h>

#include "fakes.h"

namespace momento {
namespace {

using Fate = Reports::Fate;

TEST(Reports, OneLineASecondWithRunningTotals) {
    fakes::KeptLines lines;
    Reports reports("destination \"bus\"", lines);
    reports.step(0);
    EXPECT_TRUE(lines.lines.empty());

    reports.note(Fate::retried, "ThrottlingException", "id-1");
    reports.step(0);
    for (int i = 0; i < 30; ++i) reports.note(Fate::retried, "InternalFailure", "");
    reports.note(Fate::refused, "MalformedDetail", "id-2");
    for (int64_t now = 0; now < 1'000'000; now += 100'000) reports.step(now);
    ASSERT_EQ(lines.lines.size(), 1u);
    EXPECT_EQ(
        lines.lines[0],
        "destination \"bus\": 1 event to be sent again (ThrottlingException, request id id-1)");
    EXPECT_EQ(lines.severities[0], Severity::warn);

    EXPECT_TRUE(reports.has_more());
    EXPECT_EQ(reports.next_us(), 1'000'000);
    reports.step(1'000'000);
    ASSERT_EQ(lines.lines.size(), 2u);
    EXPECT_EQ(lines.lines[1],
              "destination \"bus\": 30 events to be sent again (InternalFailure), 31 in all; "
              "1 event refused for good, now dead letters (MalformedDetail, request id id-2)");
    EXPECT_EQ(lines.severities[1], Severity::error);
    EXPECT_FALSE(reports.has_more());
}

TEST(Reports, ChangesAreTold) {
    fakes::KeptLines lines;
    Reports reports("destination \"bus\"", lines);
    reports.changed(Severity::notice, " is back after 3 s");
    reports.changed(Severity::error, " is on hold");
    EXPECT_EQ(lines.lines, (std::vector<std::string>{"destination \"bus\" is back after 3 s",
                                                     "destination \"bus\" is on hold"}));
}

}  // namespace
}  // namespace momento
