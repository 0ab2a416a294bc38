#include "http/response_parser.h"

#include <gtest/gtest.h>

#include "http_pieces.h"

namespace momento {
namespace {

using State = ResponseParser::State;

using Parsed = ParsedResponse;

class ResponseParserTest : public testing::TestWithParam<size_t> {
  protected:
    static Parsed parse(std::string_view bytes) { return parse_in_pieces(bytes, GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(InPieces, ResponseParserTest, testing::Values(1, 2, 7, 100'000));

TEST_P(ResponseParserTest, ReadsStatusHeadersAndBody) {
    const Parsed parsed = parse(
        "HTTP/1.1 400 Bad Request\r\nX-Amzn-RequestId: abc\r\nX-Empty:\r\nX-Blank: \t \r\n"
        "content-length:  2\t\r\nX-Two:  a  b \r\n\r\nno");
    ASSERT_EQ(parsed.state, State::complete);
    EXPECT_EQ(parsed.response.status, 400);
    EXPECT_EQ(parsed.response.body, "no");
    EXPECT_TRUE(parsed.keeps_connection);
    EXPECT_EQ(*parsed.response.header("x-amzn-requestid"), "abc");
    EXPECT_EQ(*parsed.response.header("x-empty"), "");
    EXPECT_EQ(*parsed.response.header("x-blank"), "");
    EXPECT_EQ(*parsed.response.header("x-two"), "a  b");
}

TEST_P(ResponseParserTest, TakesAStatusWithoutWords) {
    EXPECT_EQ(parse("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").response.status, 200);
    EXPECT_EQ(parse("HTTP/1.1 599 \r\nContent-Length: 0\r\n\r\n").response.status, 599);
}

TEST_P(ResponseParserTest, ReadsChunks) {
    const Parsed parsed = parse(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
        "3\r\nabc\r\n00A;name=\"value\"\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n");
    ASSERT_EQ(parsed.state, State::complete);
    EXPECT_EQ(parsed.response.body, "abc0123456789");
    EXPECT_EQ(parsed.response.header("x-trailer"), nullptr);
    EXPECT_TRUE(parsed.keeps_connection);
}

TEST_P(ResponseParserTest, ReadsABodyThatEndsWithTheConnection) {
    const Parsed parsed = parse("HTTP/1.1 200 OK\r\n\r\nbody");
    ASSERT_EQ(parsed.state, State::complete);
    EXPECT_EQ(parsed.response.body, "body");
    EXPECT_FALSE(parsed.keeps_connection);
}

TEST_P(ResponseParserTest, PassesInterimResponsesOver) {
    const Parsed parsed = parse(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n");
    ASSERT_EQ(parsed.state, State::complete);
    EXPECT_EQ(parsed.response.status, 204);
    EXPECT_EQ(parsed.response.header("link"), nullptr);
    EXPECT_TRUE(parsed.keeps_connection);
}

TEST_P(ResponseParserTest, TakesSingleLineFeedsAndFoldedLines) {
    const Parsed parsed =
        parse("HTTP/1.1 200 OK\nX-Folded: one\n\t two\nContent-Length:\n 1\n\nx");
    ASSERT_EQ(parsed.state, State::complete);
    EXPECT_EQ(*parsed.response.header("x-folded"), "one two");
    EXPECT_EQ(parsed.response.body, "x");
}

TEST_P(ResponseParserTest, KnowsWhenTheConnectionEnds) {
    EXPECT_FALSE(parse("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keeps_connection);
    EXPECT_FALSE(parse("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n")
                     .keeps_connection);
    EXPECT_TRUE(parse("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")
                    .keeps_connection);
    // Nobody asked for what comes after the answer.
    EXPECT_FALSE(parse("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nx").keeps_connection);
}

// RFC 9112, 6.3: where both stand, somebody may be trying to smuggle something.
TEST_P(ResponseParserTest, BelievesChunksAndNotALengthBesideThem) {
    const Parsed parsed = parse(
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n"
        "1\r\nx\r\n0\r\n\r\n");
    ASSERT_EQ(parsed.state, State::complete);
    EXPECT_EQ(parsed.response.body, "x");
    EXPECT_FALSE(parsed.keeps_connection);
}

// Nobody can be sure that what writes such a thing keeps its answers apart.
TEST_P(ResponseParserTest, TakesWhatIsOddButHarmlessAndKeepsNoConnectionAfterIt) {
    const std::string head = "HTTP/1.1 200 OK\r\nX-Before: 1\r\n";
    for (const char* odd :
         {"X-Odd : 1", "X-Odd\t: 1", "X Odd: 1", "X\xe9: 1", "X\x01: 1", ": 1", "X-Odd: a\x01z",
          "X-Odd: a\rz", "X-Odd: \x7f", "X-Odd: a\r\n \x07z", "Transfer-Encoding: identity",
          "Content-Length : 2", "X-Odd : a\r\n b"}) {
        const Parsed parsed = parse(head + odd + "\r\nContent-Length: 2\r\n\r\nok");
        ASSERT_EQ(parsed.state, State::complete) << odd;
        EXPECT_EQ(parsed.response.body, "ok") << odd;
        EXPECT_EQ(*parsed.response.header("x-before"), "1") << odd;
        EXPECT_FALSE(parsed.keeps_connection) << odd;
    }
    for (const char* odd :
         {"Transfer-Encoding: chunked, chunked", "Transfer-Encoding : chunked",
          "Transfer-Encoding: identity, chunked"}) {
        const Parsed parsed = parse(head + odd + "\r\n\r\n2junk\r\nok\r\n0\r\n\r\n");
        ASSERT_EQ(parsed.state, State::complete) << odd;
        EXPECT_EQ(parsed.response.body, "ok") << odd;
        EXPECT_FALSE(parsed.keeps_connection) << odd;
    }
    // Also where it stood before an interim response.
    EXPECT_FALSE(
        parse("HTTP/1.1 103 Hints\r\nX : 1\r\n\r\n" + head + "Content-Length: 0\r\n\r\n")
            .keeps_connection);
}

TEST_P(ResponseParserTest, OfOddHeadersNothingIsKeptThatWouldSurpriseAReader) {
    const Parsed parsed = parse(
        "HTTP/1.1 200 OK\r\nDate : now\r\nX Y: 1\r\nX-Value: \x1b[2Ja\rb\x7f\r\n"
        "X-Latin: caf\xe9\r\nContent-Length: 2, 2\r\n\r\nok");
    ASSERT_EQ(parsed.state, State::complete);
    EXPECT_EQ(*parsed.response.header("date"), "now");
    EXPECT_EQ(parsed.response.header("x y"), nullptr);
    EXPECT_EQ(*parsed.response.header("x-value"), "[2Ja b");
    EXPECT_EQ(*parsed.response.header("x-latin"), "caf\xe9");
}

TEST_P(ResponseParserTest, RefusesWhatIsNotAResponse) {
    for (const char* bytes :
         {"",
          "\r\n",
          "HTTP/2 200 OK\r\n\r\n",
          "HTTP/1.1 20 OK\r\n\r\n",
          "HTTP/1.1 2000 OK\r\n\r\n",
          "HTTP/1.1 099 OK\r\n\r\n",
          "HTTP/1.1 -20 OK\r\n\r\n",
          "ICY 200 OK\r\n\r\n",
          "HTTP/1.1 101 Switching Protocols\r\n\r\n",
          "HTTP/1.1 200 OK\r\n folded\r\n\r\n",
          "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
          "HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\nx",
          "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx",
          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nxx",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 1\r\nx\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno trailer\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n"}) {
        EXPECT_EQ(parse(bytes).state, State::malformed) << bytes;
    }
    const std::string nul(1, '\0');
    EXPECT_EQ(parse("HTTP/1.1 200 " + nul + "\r\n\r\n").state, State::malformed);
    EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nX: " + nul + "\r\n\r\n").state, State::malformed);
}

TEST_P(ResponseParserTest, RefusesWhatEndsTooEarly) {
    const std::string whole =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    for (size_t size = 0; size < whole.size(); ++size) {
        EXPECT_EQ(parse(whole.substr(0, size)).state, State::malformed) << size;
    }
    EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx").state, State::malformed);
}

TEST_P(ResponseParserTest, BoundsWhatItKeeps) {
    const std::string head = "HTTP/1.1 200 OK\r\n";
    EXPECT_EQ(parse(head + "X: " + std::string(70'000, 'x')).state, State::too_long);
    std::string many = head;
    for (int i = 0; i < 10'000; ++i) many += "X-Y: z\r\n";
    EXPECT_EQ(parse(many).state, State::too_long);
    EXPECT_EQ(parse(head + "Content-Length: 4194305\r\n\r\nx").state, State::too_long);
    EXPECT_EQ(parse(head + "Transfer-Encoding: chunked\r\n\r\n400001\r\nx").state,
              State::too_long);
}

// Each chunk has lines of its own: these are not the head's.
TEST(ResponseParserTest, TakesALargeBodyInSmallChunks) {
    std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 50'000; ++i) bytes += "2\r\nab\r\n";
    const Parsed parsed = parse_in_pieces(bytes + "0\r\n\r\n", 4'096);
    ASSERT_EQ(parsed.state, State::complete);
    EXPECT_EQ(parsed.response.body.size(), 100'000u);
}

}  // namespace
}  // namespace momento
