#include "gateway/refusals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "fakes.h"

namespace momento {
namespace {

using fakes::KeptLines;
using fakes::PlayedClock;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t minute_ms = 60'000;

class RefusalsTest : public testing::Test {
  protected:
    RefusalsTest() {
        metrics_ = table_->find_or_add("/hook");
        gate_ = table_->find_or_add("/gate");
    }

    Refusals worker() { return {settings_, *table_, clock_, lines_}; }

    void answer(Verdict verdict, uint64_t times = 1) { metrics_->requests[verdict] += times; }

    void answer_untimely(Verdict verdict, int64_t publish_ms) {
        metrics_->untimely_ms = static_cast<uint64_t>(clock_.wall_ms() - publish_ms);
        answer(verdict);
    }

    std::vector<std::string> told() {
        Refusals refusals = worker();
        refusals.step();
        return std::exchange(lines_.lines, {});
    }

    const std::vector<WebhookSettings> settings_ = {
        {"/hook", {"file:/etc/nginx/momento.secret"}, false},
        {"/gate", {"env:HOOK", plain_source}, true}};
    std::unique_ptr<WebhookTable> table_ = std::make_unique<WebhookTable>();
    WebhookMetrics* metrics_ = nullptr;
    WebhookMetrics* gate_ = nullptr;
    PlayedClock clock_;
    KeptLines lines_;
};

TEST_F(RefusalsTest, SaysNothingOfWhatIsAccepted) {
    answer(Verdict::accepted, 3);
    answer(Verdict::duplicate);
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(RefusalsTest, AsksForTheSecretWhereNoneWasAccepted) {
    answer(Verdict::forged, 12);
    EXPECT_THAT(told(), ElementsAre("location \"/hook\": 12 webhooks were forged since the "
                                    "start, none was accepted: is "
                                    "\"file:/etc/nginx/momento.secret\" this webhook's "
                                    "secret?"));
}

TEST_F(RefusalsTest, OneWorkerTellsOnceAMinute) {
    Refusals one = worker();
    Refusals other = worker();
    answer(Verdict::accepted, 40);
    answer(Verdict::forged);
    one.step();
    other.step();
    answer(Verdict::forged, 2);
    clock_.advance_ms(minute_ms - 1);
    one.step();
    other.step();
    EXPECT_EQ(lines_.lines.size(), 1u);
    lines_.lines.clear();

    clock_.advance_ms(1);
    other.step();
    one.step();
    EXPECT_THAT(lines_.lines,
                ElementsAre("location \"/hook\": 2 webhooks were forged, 3 since the start: "
                            "they met no secret, while 40 did"));
}

TEST_F(RefusalsTest, GivesTheAgeAndAsksForTheClock) {
    answer_untimely(Verdict::stale, clock_.wall_ms() - 75'250);
    EXPECT_THAT(told(), ElementsAre("location \"/hook\": 1 webhook was stale since the start: "
                                    "the last one was 75.2 s old "
                                    "(\"momento_webhook_max_age\"); is the clock of this "
                                    "machine right?"));
    clock_.advance_ms(minute_ms);
    answer_untimely(Verdict::early, clock_.wall_ms() + 30'000);
    EXPECT_THAT(told(), ElementsAre("location \"/hook\": 1 webhook was early since the start: "
                                    "the last one is of 30.0 s from now "
                                    "(\"momento_webhook_max_ahead\"); is the clock of this "
                                    "machine right?"));
}

TEST_F(RefusalsTest, KnowsSecondsAndMicroseconds) {
    answer_untimely(Verdict::stale, clock_.wall_ms() / 1'000);
    EXPECT_THAT(told(),
                ElementsAre(testing::HasSubstr("looks like seconds: milliseconds are meant")));
    clock_.advance_ms(minute_ms);
    answer_untimely(Verdict::early, clock_.wall_ms() * 1'000);
    EXPECT_THAT(told(), ElementsAre(testing::HasSubstr("looks like microseconds")));
}

TEST_F(RefusalsTest, KnowsTheEndsOfTime) {
    answer_untimely(Verdict::early, INT64_MAX);
    clock_.advance_ms(1);
    EXPECT_THAT(told(), ElementsAre(testing::HasSubstr("looks like microseconds or less")));
}

TEST_F(RefusalsTest, SaysThatBodiesArePacked) {
    answer(Verdict::forged);
    metrics_->packed = 1;
    EXPECT_THAT(told(), ElementsAre(testing::EndsWith(
                            "; bodies are gzip'ed: nobody signs them so, let nothing in "
                            "front compress them")));
}

TEST_F(RefusalsTest, NamesWhatIsMissingAndWhereLettersAre) {
    answer(Verdict::unsigned_);
    answer(Verdict::malformed, 2);
    gate_->requests[Verdict::malformed] = 1;
    gate_->requests[Verdict::forged] = 1;
    EXPECT_THAT(
        told(),
        ElementsAre("location \"/hook\": 1 webhook was unsigned since the start: without "
                    "\"Momento-Signature\", or with more than one",
                    "location \"/hook\": 2 webhooks were malformed since the start: "
                    "authentic, but no events; \"momentoctl dead cat --reason malformed\" "
                    "shows them",
                    "location \"/gate\": 1 webhook was forged since the start: they met no "
                    "secret, while 1 did",
                    "location \"/gate\": 1 webhook was malformed since the start: authentic, "
                    "but no events"));
}

TEST_F(RefusalsTest, TellsOfEveryVerdictInADryRun) {
    metrics_->dry_verdicts[Verdict::accepted] = 2;
    metrics_->dry_verdicts[Verdict::unsigned_] = 1;
    EXPECT_THAT(told(), ElementsAre("location \"/hook\": dry run: 1 webhook was unsigned since "
                                    "the start: without \"Momento-Signature\", or with "
                                    "more than one",
                                    "location \"/hook\": dry run: 2 webhooks were accepted "
                                    "since the start"));
}

}  // namespace
}  // namespace momento
