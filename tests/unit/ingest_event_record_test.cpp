#include "ingest/event_record.h"

#include <gtest/gtest.h>

namespace momento {
namespace {

constexpr char root[] = "Root=1-5759e988-bd862e3fe1be46a994272793";

TEST(TraceHeader, TakesWhatXRayWrites) {
    const std::string good = root;
    EXPECT_TRUE(is_trace_header(good));
    EXPECT_TRUE(is_trace_header(good + ";Parent=53995c3f42cd8ad8;Sampled=1"));
    EXPECT_TRUE(is_trace_header("Self=1-67891234-12456789abcdef012345678;" + good));
    EXPECT_TRUE(is_trace_header(good + ";Lineage=a87bd80c:0|68fd508a:5|c512fbe3:2"));
    EXPECT_TRUE(is_trace_header(good + ";x=" + std::string(500 - good.size() - 3, 'y')));
}

TEST(TraceHeader, DropsWhatCouldFailAWholeRequest) {
    const std::string good = root;
    for (const std::string& bad : {
             std::string(),
             std::string("Parent=53995c3f42cd8ad8"),
             std::string("Root=1-5759e988-bd862e3fe1be46a99427279"),
             std::string("Root=1-5759e988-bd862e3fe1be46a9942727933"),
             std::string("Root=1-5759e988-bd862e3fe1be46a99427279g"),
             std::string("Root=2-5759e988-bd862e3fe1be46a994272793"),
             std::string("Root=1-5759e988bd862e3fe1be46a9942727933-"),
             std::string("root=1-5759e988-bd862e3fe1be46a994272793"),
             good + ";",
             ";" + good,
             good + ";;Sampled=1",
             good + ";Sampled",
             good + ";Sampled=",
             good + ";=1",
             good + ";a b=1",
             good + ";a=1 2",
             good + ";a=\"",
             good + ";a=\xc3\xa9",
             good + ';' + good,
             good + ";x=" + std::string(501 - good.size() - 3, 'y'),
         }) {
        EXPECT_FALSE(is_trace_header(bad)) << bad;
    }
}

TEST(ReplayId, IsTheStartOfTheMacsSha256) {
    // sha256 of 32 zero bytes: 66687aadf862bd776c8fc18b8e9f8e20...
    const ReplayId expected = {0x66, 0x68, 0x7a, 0xad, 0xf8, 0x62, 0xbd, 0x77,
                               0x6c, 0x8f, 0xc1, 0x8b, 0x8e, 0x9f, 0x8e, 0x20};
    EXPECT_EQ(make_replay_id(Mac{}), expected);
}

Judgement accepted() {
    Judgement judgement;
    judgement.verdict = Verdict::accepted;
    judgement.secret = 0;
    judgement.payload.emplace();
    judgement.payload->cache = "chat";
    judgement.payload->topic = "room";
    judgement.payload->publish_timestamp = 1234;
    return judgement;
}

TEST(EventRecord, HoldsWhatTheMappingNeeds) {
    Record record = make_event(accepted(), {7}, 5678, root);
    EXPECT_EQ(record.kind, RecordKind::event);
    EXPECT_EQ(record.origin, Origin::webhook);
    EXPECT_EQ(record.cache, "chat");
    EXPECT_EQ(record.topic, "room");
    EXPECT_EQ(record.publish_ms, 1234);
    EXPECT_EQ(record.accepted_ms, 5678);
    EXPECT_EQ(record.trace_header, root);
    EXPECT_EQ(record.replay_id, ReplayId{7});
    EXPECT_EQ(record.destination, "");
}

TEST(EventRecord, SaysInALetterWhyNoEventWasMade) {
    Judgement judgement;
    judgement.verdict = Verdict::malformed;
    judgement.reason = "not a JSON object";
    Record record =
        make_letter(judgement, {7}, 5678, "", "bus", OwnReason::malformed, judgement.reason);
    EXPECT_EQ(record.kind, RecordKind::dead_letter);
    EXPECT_EQ(record.reason_code, "malformed");
    EXPECT_EQ(record.reason_message, "not a JSON object");
    EXPECT_EQ(record.destination, "bus");
    EXPECT_EQ(record.accepted_ms, 5678);
    EXPECT_EQ(record.replay_id, ReplayId{7});
    EXPECT_EQ(record.cache, "");
}

}  // namespace
}  // namespace momento
