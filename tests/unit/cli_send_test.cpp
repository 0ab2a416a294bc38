#include <gtest/gtest.h>

#include <sstream>

#include "base/clock.h"
#include "cli/tally.h"
#include "cli/webhook_client.h"
#include "cli_run.h"

namespace momento::cli {
namespace {

WebhookEvent documented_event() {
    WebhookEvent event;
    event.cache = "chat";
    event.topic = "room-281";
    event.event_timestamp = 1704296470564;
    event.publish_timestamp = 1704296470565;
    event.sequence = 1;
    event.token_id = "mo-the-squirrel";
    event.text = "Here I am!!";
    return event;
}

TEST(EncodeWebhook, WritesTheDocumentedSampleByteForByte) {
    EXPECT_EQ(*encode_webhook(documented_event()),
              R"({"cache":"chat","topic":"room-281","event_timestamp":1704296470564,)"
              R"("publish_timestamp":1704296470565,"topic_sequence_number":1,)"
              R"("token_id":"mo-the-squirrel","text":"Here I am!!"})");
}

TEST(EncodeWebhook, EscapesWhatJsonMustAndLeavesUtf8AsItIs) {
    WebhookEvent event = documented_event();
    event.text = "\"\\/\n\xc3\xa9 \xf0\x9f\x90\xbf";
    std::string body = *encode_webhook(event);
    EXPECT_NE(body.find("\"text\":\"\\\"\\\\/\\n\xc3\xa9 \xf0\x9f\x90\xbf\"}"),
              std::string::npos)
        << body;
}

TEST(EncodeWebhook, RefusesBytesThatAreNotUtf8) {
    WebhookEvent event = documented_event();
    event.topic = "\xff";
    Result<std::string> body = encode_webhook(event);
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error().text, "topic is not UTF-8");
}

TEST(WebhookClient, RefusesUrlsThatAreNotHttp) {
    for (const char* url : {"", "ftp://127.0.0.1/", "127.0.0.1/hook", "http://", "http:// /"}) {
        EXPECT_FALSE(WebhookClient::create({url})) << url;
    }
    EXPECT_TRUE(WebhookClient::create({"http://127.0.0.1:1/hook"}));
    EXPECT_TRUE(WebhookClient::create({"HTTPS://localhost"}));
}

TEST(WebhookClient, RefusesACertificateFileThatIsNotThere) {
    EXPECT_FALSE(WebhookClient::create({"https://localhost", "/no/such/file.pem"}));
}

std::string printed(const Tally& tally) {
    std::ostringstream out;
    tally.print(out);
    return out.str();
}

TEST(Tally, CountsEveryStatusAndShowsEveryRefusalOnce) {
    Tally tally;
    for (int i = 0; i < 3; i++) tally.add({200, R"({"message":"Success"})", ""});
    tally.add({503, R"({"message":"Service Unavailable"})", ""});
    tally.add({503, R"({"message":"Service Unavailable"})", ""});
    tally.add({503, "<html>\r\nbusy\r\n</html>\r\n", ""});
    tally.add({0, "", "connection refused"});
    EXPECT_FALSE(tally.all_accepted());
    EXPECT_EQ(printed(tally),
              "200: 3\n"
              "503: 3\n"
              "    {\"message\":\"Service Unavailable\"}\n"
              "    <html>\n    busy\n    </html>\n"
              "no answer: 1\n"
              "    connection refused\n");
}

TEST(Tally, AcceptsEvery2xx) {
    Tally tally;
    tally.add({200, "", ""});
    tally.add({202, "", ""});
    EXPECT_TRUE(tally.all_accepted());
    tally.add({301, "", ""});
    EXPECT_FALSE(tally.all_accepted());
}

TEST(Tally, KeepsWhatAServerSaysFromReachingTheTerminalRaw) {
    Tally tally;
    tally.add({500, "\x1b[31mred\x07", ""});
    EXPECT_EQ(printed(tally), "500: 1\n    ?[31mred?\n");
}

TEST(Tally, SaysSecretOrClockOfA403AndWhichClockIsWrong) {
    const int64_t now_ms = system_clock().wall_ms();
    Tally tally;
    tally.add({200, "", "", now_ms});
    EXPECT_EQ(tally.advice(false), "");
    tally.add({403, "", "", now_ms});
    EXPECT_EQ(tally.advice(false),
              "403: the secret, or the clock? Look whether --secret is this webhook's");
    EXPECT_NE(tally.advice(true).find("how old the body's publish_timestamp is"),
              std::string::npos);
    tally.add({403, "", "", now_ms + 90'500});
    EXPECT_NE(tally.advice(false).find("; this machine's clock is 90 s behind the server's"),
              std::string::npos)
        << tally.advice(false);
}

TEST(Tally, TellsInJsonWhereAsked) {
    Tally tally;
    tally.add({200, "", ""});
    tally.add({0, "", "connection refused"});
    std::ostringstream out;
    tally.print_json(out);
    EXPECT_EQ(out.str(),
              "{\"answers\":[{\"status\":200,\"count\":1,\"texts\":[]},"
              "{\"count\":1,\"texts\":[\"connection refused\"]}]}\n");
    EXPECT_EQ(tally.summary(), "200: 1, no answer: 1");
}

TEST(Send, CannotRunWithWhatContradictsItself) {
    const std::string url = "http://127.0.0.1:1/";
    Ran ran = run({"send", url, "--secret=k", "--body=-", "--topic=t"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_NE(ran.err.find("\"--body\" sends bytes as they are"), std::string::npos) << ran.err;

    ran = run({"send", url, "--secret=k", "--insecure", "--cacert=c"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_NE(ran.err.find("leave it or --cacert out"), std::string::npos) << ran.err;

    ran = run({"send", "--secret=k"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_EQ(ran.err, "momentoctl send: missing operand, give one URL\n");

    ran = run({"send", url, "--secret=k", "--rate=0"});
    EXPECT_EQ(ran.status, 2);
    EXPECT_NE(ran.err.find("invalid --rate \"0\""), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace momento::cli
