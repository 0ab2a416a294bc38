#include "ingest/verifier.h"

#include <gtest/gtest.h>

#include <limits>
#include <utility>
#include <vector>

#include "spool/record.h"

namespace momento {
namespace {

constexpr int64_t now_ms = 1'704'296'480'000;

std::string event(int64_t publish_ms, const std::string& cache = "chat",
                  const std::string& topic = "room-281") {
    return R"({"cache":")" + cache + R"(","topic":")" + topic +
           R"(","event_timestamp":1,"publish_timestamp":)" + std::to_string(publish_ms) +
           R"(,"topic_sequence_number":7,"token_id":"squirrel","text":"hi"})";
}

Mac sign(const std::string& body, const std::string& secret = "s3cret") {
    return Signer::create(secret)->sign(body);
}

SecretBinding binding(const std::string& secret, const std::string& cache = "",
                      const std::string& topic = "") {
    return {"plain", cache, topic, SecretValue(secret)};
}

class VerifierTest : public testing::Test {
  protected:
    Judgement judge(const std::string& body, const Mac& mac, int64_t now = now_ms) {
        auto keyring = Keyring::create(secrets);
        RecordBuffer buffer(body.size());  // provides the padding
        buffer.append_body(body);
        judged_.push_back(std::move(buffer));
        return verifier.judge(*keyring, judged_.back().body(), mac, rules, now);
    }

    Verdict verdict(const std::string& body, const Mac& mac, int64_t now = now_ms) {
        return judge(body, mac, now).verdict;
    }

    std::vector<SecretBinding> secrets{binding("s3cret")};
    Rules rules{{60'000, 10'000}, {128, 1000, true, "EventBridge", 22, 256 * 1024}};
    Verifier verifier;

  private:
    std::vector<RecordBuffer> judged_;
};

TEST_F(VerifierTest, AcceptsWhatASecretSignedNow) {
    const std::string body = event(now_ms - 5);
    Judgement judgement = judge(body, sign(body));
    EXPECT_EQ(judgement.verdict, Verdict::accepted);
    EXPECT_EQ(judgement.secret, 0);
    ASSERT_TRUE(judgement.payload);
    EXPECT_EQ(judgement.payload->cache, "chat");
    EXPECT_EQ(judgement.payload->topic, "room-281");
    EXPECT_EQ(judgement.payload->token_id, "squirrel");
    EXPECT_EQ(judgement.payload->sequence, 7);
    EXPECT_EQ(judgement.age_ms, 5);
}

TEST_F(VerifierTest, SaysNothingAboutWhatNoSecretSigned) {
    for (const std::string& body :
         {event(now_ms), event(0), std::string("not json"), std::string()}) {
        Judgement judgement = judge(body, sign(body, "another"));
        EXPECT_EQ(judgement.verdict, Verdict::forged) << body;
        EXPECT_EQ(judgement.secret, -1);
        EXPECT_FALSE(judgement.payload);
        EXPECT_EQ(judgement.reason, "");
    }
}

TEST_F(VerifierTest, JudgesFreshnessOnBothSidesToTheMillisecond) {
    struct {
        int64_t publish_ms;
        Verdict expected;
    } cases[] = {
        {now_ms - 60'001, Verdict::stale},
        {now_ms - 60'000, Verdict::accepted},
        {now_ms + 1, Verdict::accepted},
        {now_ms + 10'000, Verdict::accepted},
        {now_ms + 10'001, Verdict::early},
        {-1, Verdict::stale},
        {std::numeric_limits<int64_t>::min(), Verdict::stale},
        {std::numeric_limits<int64_t>::max(), Verdict::early},
    };
    for (const auto& test : cases) {
        const std::string body = event(test.publish_ms);
        Judgement judgement = judge(body, sign(body));
        EXPECT_EQ(judgement.verdict, test.expected) << test.publish_ms;
        EXPECT_TRUE(judgement.payload) << "authentic, so its content may be told";
    }
}

TEST_F(VerifierTest, NamesWhatMakesAnAuthenticBodyMalformed) {
    for (const std::string body : {"[1]", "", "{}", "\xff"}) {
        Judgement judgement = judge(body, sign(body));
        EXPECT_EQ(judgement.verdict, Verdict::malformed) << body;
        EXPECT_EQ(judgement.secret, 0);
        EXPECT_NE(judgement.reason, "");
    }
}

TEST_F(VerifierTest, CallsAStaleBodyMalformedOnlyIfItCannotBeRead) {
    const std::string stale = event(0);
    EXPECT_EQ(verdict(stale, sign(stale)), Verdict::stale);
    const std::string unreadable = event(0).substr(1);
    EXPECT_EQ(verdict(unreadable, sign(unreadable)), Verdict::malformed);
}

TEST_F(VerifierTest, CountsOverheadNamesAndBodyAgainstTheBatch) {
    const std::string body = event(now_ms, "ab", "c");
    const size_t size = rules.limits.entry_overhead + 3 + body.size();
    rules.limits.entry_bytes = size + 1;
    EXPECT_EQ(verdict(body, sign(body)), Verdict::accepted);
    rules.limits.entry_bytes = size;
    Judgement judgement = judge(body, sign(body));
    EXPECT_EQ(judgement.verdict, Verdict::malformed);
    EXPECT_NE(judgement.reason.find(std::to_string(size)), std::string::npos);
}

TEST_F(VerifierTest, LetsAnySecretOfTheLocationSign) {
    secrets = {binding("old"), binding("new")};
    const std::string body = event(now_ms);
    EXPECT_EQ(judge(body, sign(body, "old")).secret, 0);
    EXPECT_EQ(judge(body, sign(body, "new")).secret, 1);
}

TEST_F(VerifierTest, LetsABoundSecretSignForItsOwnNamesOnly) {
    secrets = {binding("chat-secret", "chat"), binding("game-secret", "game", "scores")};
    const std::string chat = event(now_ms, "chat", "x");
    const std::string scores = event(now_ms, "game", "scores");
    const std::string moves = event(now_ms, "game", "moves");
    EXPECT_EQ(verdict(chat, sign(chat, "chat-secret")), Verdict::accepted);
    EXPECT_EQ(verdict(chat, sign(chat, "game-secret")), Verdict::forged);
    EXPECT_EQ(verdict(scores, sign(scores, "game-secret")), Verdict::accepted);
    EXPECT_EQ(verdict(scores, sign(scores, "chat-secret")), Verdict::forged);
    EXPECT_EQ(verdict(moves, sign(moves, "game-secret")), Verdict::forged);
}

TEST_F(VerifierTest, LetsNoBoundSecretSignWhatHidesItsNames) {
    secrets = {binding("chat-secret", "chat")};
    // Two readers may disagree about a member that appears twice: nobody is asked.
    const std::string twice = R"({"cache":"chat",)" + event(now_ms, "game").substr(1);
    EXPECT_EQ(verdict(twice, sign(twice, "chat-secret")), Verdict::forged);
    EXPECT_EQ(verdict("chat", sign("chat", "chat-secret")), Verdict::forged);
}

TEST_F(VerifierTest, JudgesBodiesTogetherAsEachAlone) {
    secrets = {binding("chat-secret", "chat"), binding("old"), binding("new")};
    auto keyring = Keyring::create(secrets);
    std::vector<std::pair<std::string, std::string>> webhooks;  // body and secret
    for (const char* secret : {"chat-secret", "old", "new", "another"}) {
        for (const char* cache : {"chat", "game"}) {
            webhooks.emplace_back(event(now_ms, cache), secret);
            webhooks.emplace_back(event(0, cache), secret);
        }
        webhooks.emplace_back("[]", secret);
        webhooks.emplace_back("", secret);
    }
    std::vector<RecordBuffer> buffers;
    std::vector<Claim> claims;
    for (const auto& [body, secret] : webhooks) {
        buffers.emplace_back(body.size());
        buffers.back().append_body(body);
        claims.push_back({&*keyring, buffers.back().body(), sign(body, secret)});
    }
    verifier.match(claims.data(), claims.size());
    for (size_t i = 0; i < claims.size(); ++i) {
        const Judgement together = verifier.judge(claims[i], rules, now_ms);
        EXPECT_EQ(together.verdict, verdict(webhooks[i].first, claims[i].mac)) << i;
        EXPECT_EQ(together.secret, judge(webhooks[i].first, claims[i].mac).secret) << i;
    }
    EXPECT_EQ(claims[0].secret, 0);
}

TEST_F(VerifierTest, ForgetsTheBodyBefore) {
    secrets = {binding("chat-secret", "chat"), binding("s3cret")};
    const std::string chat = event(now_ms, "chat");
    EXPECT_EQ(verdict(chat, sign(chat, "chat-secret")), Verdict::accepted);
    // Neither its names nor its payload count for what cannot be read.
    Judgement judgement = judge("[]", sign("[]"));
    EXPECT_EQ(judgement.verdict, Verdict::malformed);
    EXPECT_FALSE(judgement.payload);
    EXPECT_EQ(verdict("[]", sign("[]", "chat-secret")), Verdict::forged);
}

TEST(VerdictName, IsWhatTheVariableSays) {
    EXPECT_STREQ(verdict_name(Verdict::accepted), "accepted");
    EXPECT_STREQ(verdict_name(Verdict::unsigned_), "unsigned");
    EXPECT_STREQ(verdict_name(Verdict::forged), "forged");
    EXPECT_STREQ(verdict_name(Verdict::stale), "stale");
    EXPECT_STREQ(verdict_name(Verdict::early), "early");
    EXPECT_STREQ(verdict_name(Verdict::malformed), "malformed");
    EXPECT_STREQ(verdict_name(Verdict::overloaded), "overloaded");
    EXPECT_STREQ(verdict_name(Verdict::unavailable), "unavailable");
}

}  // namespace
}  // namespace momento
