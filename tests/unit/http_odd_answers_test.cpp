// Odd answers, read by this room and by libcurl side by side: they agree, or the table says why
// not. Whichever libcurl the tests run with: Debian 12's, or a later release's.
#include <curl/curl.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/client.h"
#include "http_server.h"

namespace momento {
namespace {

using namespace std::string_literals;

// The releases of libcurl that were tried. Of those between nobody says when they changed.
constexpr unsigned in_7 = 1;
constexpr unsigned in_8_14 = 2;
constexpr unsigned in_8_23 = 4;
constexpr unsigned in_8 = in_8_14 | in_8_23;
constexpr unsigned before_8_23 = in_7 | in_8_14;
constexpr unsigned always = in_7 | in_8;

// What is odd in the world, or might be.
struct Row {
    const char* name;
    std::string bytes;     // then the connection ends
    unsigned differs = 0;  // in these releases libcurl reads it in another way
    const char* why = "";
};

const std::string ok = "HTTP/1.1 200 OK\r\n";
const std::string length = "Content-Length: 2\r\n\r\nok";
const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";

std::string repeated(const std::string& line, int times) {
    std::string lines;
    for (int i = 0; i < times; ++i) lines += line;
    return lines;
}

const char blank[] = "RFC 9112, 2.2: a blank may stand for it";

const Row rows[] = {
    // Headers
    {"plain", ok + length},
    {"a blank before the colon", ok + "X-Cache : HIT\r\n" + length},
    {"a tab before the colon", ok + "X-Cache\t: HIT\r\n" + length},
    {"a blank in a name", ok + "X Y: 1\r\n" + length},
    {"a bracket in a name", ok + "X(Y): 1\r\n" + length},
    {"a control character in a name", ok + "X\x01: 1\r\n" + length},
    {"Latin-1 in a name", ok + "X-caf\xe9: 1\r\n" + length},
    {"no name", ok + ": 1\r\n" + length},
    {"a control character in a value", ok + "X: a\x01z\r\n" + length},
    {"a bell", ok + "X: \x07\r\n" + length},
    {"a delete", ok + "X: \x7f\r\n" + length},
    {"Latin-1 in a value", ok + "X: caf\xe9\r\n" + length},
    {"a control character in a cookie", ok + "Set-Cookie: a=b\x01\r\n" + length},
    {"a bare CR", ok + "X: a\rb\r\n" + length, in_8_23, blank},
    {"two CRs", ok + "X: a\r\r\n" + length, in_8_23, blank},
    {"a length behind a bare CR", ok + "X: a\rContent-Length: 1\r\n\r\nok", in_8_23, blank},
    {"LF alone", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"},
    {"NUL in a value", ok + "X: a\0z\r\n"s + length},
    {"NUL in a name", ok + "X\0: 1\r\n"s + length},
    {"no colon", ok + "X: 1\r\nno colon\r\n" + length},
    {"folded", ok + "X: a\r\n b\r\n" + length},
    {"folded, with a control character", ok + "X: a\r\n b\x01\r\n" + length},
    {"folded behind an odd name", ok + "X Y: a\r\n b\r\n" + length},
    {"folded behind nothing", ok + " folded\r\n" + length},
    {"folded behind nothing, with a colon", ok + " X: 1\r\n" + length, in_8,
     "a line that goes on has one to go on from"},
    {"a long value", ok + "X: " + std::string(60'000, 'x') + "\r\n" + length},
    {"a value of over 100 k", ok + "X: " + std::string(110'000, 'x') + "\r\n" + length},
    {"80 k of headers", ok + repeated("X-Y: z\r\n", 10'000) + length, in_7,
     "a head is bounded at 64 k; 8.14 counts headers"},

    // How long it is
    {"no length", ok + "\r\nok"},
    {"a length shorter than the body", ok + "Content-Length: 1\r\n\r\nok"},
    {"a length longer than the body", ok + "Content-Length: 3\r\n\r\nok"},
    {"a blank before the length's colon", ok + "Content-Length : 2\r\n\r\nok"},
    {"a blank there, and more behind the body", ok + "Content-Length : 2\r\n\r\nokmore", always,
     "RFC 9112, 5.1: the blank goes; it is a length"},
    {"a folded length", ok + "Content-Length:\r\n 2\r\n\r\nok", before_8_23,
     "RFC 9112, 5.2: a folded value is a value"},
    {"the same length twice", ok + "Content-Length: 2\r\n" + length},
    {"the same length twice, as a list", ok + "Content-Length: 2, 2\r\n\r\nok"},
    {"two lengths", ok + "Content-Length: 1\r\n" + length, before_8_23,
     "RFC 9112, 6.3: nobody knows which is right"},
    {"two lengths, as a list", ok + "Content-Length: 2, 3\r\n\r\nok", before_8_23,
     "RFC 9112, 6.3: nobody knows which is right"},
    {"zeros before a length", ok + "Content-Length: 002\r\n\r\nok"},
    {"a control character behind a length", ok + "Content-Length: 2\x01\r\n\r\nok", in_8_23,
     blank},
    {"no length where one is named", ok + "Content-Length:\r\n\r\nok"},
    {"a length in words", ok + "Content-Length: two\r\n\r\nok"},
    {"a negative length", ok + "Content-Length: -2\r\n\r\nok"},
    {"a plus before a length", ok + "Content-Length: +2\r\n\r\nok", in_7,
     "as in 8.14, it is no number"},
    {"a hexadecimal length", ok + "Content-Length: 0x2\r\n\r\nok", before_8_23,
     "it is no number; libcurl reads 0, and would lose the body"},
    {"a length with a unit", ok + "Content-Length: 2 bytes\r\n\r\nok", before_8_23,
     "it is no number"},
    {"a length with a semicolon", ok + "Content-Length: 2;\r\n\r\nok", before_8_23,
     "it is no number"},
    {"an endless length", ok + "Content-Length: 99999999999999999999\r\n\r\nok", always,
     "it is longer than what is read"},

    // Transfer encodings
    {"a length beside chunks",
     ok + "Content-Length: 100\r\n" + chunked.substr(ok.size()) + "2\r\nok\r\n0\r\n\r\n"},
    {"chunked twice", ok + "Transfer-Encoding: chunked\r\n" + chunked.substr(ok.size()) +
                          "2\r\nok\r\n0\r\n\r\n"},
    {"chunked twice, as a list",
     ok + "Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
    {"chunked among commas", ok + "Transfer-Encoding: ,chunked,\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
    {"chunked, and a control character",
     ok + "Transfer-Encoding: chunked\x0b\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
    {"a blank before the encoding's colon",
     ok + "Transfer-Encoding : chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", always,
     "RFC 9112, 5.1: the blank goes; libcurl takes the chunks for the body"},
    {"identity", ok + "Transfer-Encoding: identity\r\n" + length},
    {"identity, chunked",
     ok + "Transfer-Encoding: identity, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
    {"chunked, identity",
     ok + "Transfer-Encoding: chunked, identity\r\n\r\n2\r\nok\r\n0\r\n\r\n", in_7,
     "as in 8.14, chunked is the last one"},
    {"no encoding where one is named", ok + "Transfer-Encoding:\r\n" + length},
    {"compressed chunks", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
    {"an unknown encoding", ok + "Transfer-Encoding: xchunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"},
    {"a quoted encoding", ok + "Transfer-Encoding: \"chunked\"\r\n\r\n2\r\nok\r\n0\r\n\r\n"},

    // Chunks
    {"a chunk's extension", chunked + "2;a=b\r\nok\r\n0\r\n\r\n"},
    {"a blank behind a chunk's size", chunked + "2 \r\nok\r\n0\r\n\r\n"},
    {"a blank before a chunk's size", chunked + " 2\r\nok\r\n0\r\n\r\n"},
    {"something behind a chunk's size", chunked + "2junk\r\nok\r\n0\r\n\r\n"},
    {"a chunk's size with 0x", chunked + "0x2\r\nok\r\n0\r\n\r\n"},
    {"a negative chunk", chunked + "-2\r\nok\r\n0\r\n\r\n"},
    {"a chunk's size with many zeros", chunked + "000000000000000000000002\r\nok\r\n0\r\n\r\n",
     always, "it is the same number"},
    {"LF alone between chunks", chunked + "2\nok\n0\n\n"},
    {"an empty line before a chunk", chunked + "\r\n2\r\nok\r\n0\r\n\r\n"},
    {"a chunk longer than its size", chunked + "1\r\nok\r\n0\r\n\r\n"},
    {"no last chunk", chunked + "2\r\nok\r\n"},
    {"no end behind the last chunk", chunked + "2\r\nok\r\n0\r\n"},
    {"a trailer", chunked + "2\r\nok\r\n0\r\nX: 1\r\n\r\n"},
    {"an odd trailer", chunked + "2\r\nok\r\n0\r\nX : \x01\r\n\r\n"},
    {"a trailer without a colon", chunked + "2\r\nok\r\n0\r\ntrailer\r\n\r\n"},
    {"a length as a trailer", chunked + "2\r\nok\r\n0\r\nContent-Length: 7\r\n\r\n"},

    // Status lines
    {"a status without words", "HTTP/1.1 200\r\n" + length},
    {"a status with a blank", "HTTP/1.1 200 \r\n" + length},
    {"a letter behind a status", "HTTP/1.1 200x OK\r\n" + length},
    {"a colon behind a status", "HTTP/1.1 200: OK\r\n" + length},
    {"Latin-1 in a status", "HTTP/1.1 200 d\xe9j\xe0\r\n" + length},
    {"a control character in a status", "HTTP/1.1 200 O\x01K\r\n" + length},
    {"NUL in a status", "HTTP/1.1 200 O\0K\r\n"s + length},
    {"two blanks before a status", "HTTP/1.1  200 OK\r\n" + length, in_7, "as in 8.14"},
    {"a tab before a status", "HTTP/1.1\t200 OK\r\n" + length, in_8, "as in 7.88"},
    {"a status of four digits", "HTTP/1.1 2000 OK\r\n" + length, in_8,
     "as in 7.88: it is not 200"},
    {"a status of two digits", "HTTP/1.1 20 OK\r\n" + length},
    {"status 99", "HTTP/1.1 099 OK\r\n" + length},
    {"status 600", "HTTP/1.1 600 OK\r\n" + length},
    {"lower case", "http/1.1 200 OK\r\n" + length},
    {"HTTP/0.9", "HTTP/0.9 200 OK\r\n" + length},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\n" + length},
    {"HTTP/1.2", "HTTP/1.2 200 OK\r\n" + length, always,
     "RFC 9110, 2.5: later minor versions are read as 1.1"},
    {"HTTP/1.10", "HTTP/1.10 200 OK\r\n" + length},
    {"HTTP/1", "HTTP/1 200 OK\r\n" + length},
    {"HTTP/2", "HTTP/2 200 OK\r\n" + length, in_7, "as in 8.14: nobody asked for that version"},
    {"HTTP/3", "HTTP/3 200 OK\r\n" + length},
    {"ICY", "ICY 200 OK\r\n" + length},
    {"an empty line first", "\r\n" + ok + length},
    {"a blank first", " " + ok + length},
    {"a page without a head", "<html>Hello</html>"},
    {"TLS", "\x15\x03\x01\0\x02\x02\x16"s},
    {"nothing", ""},
    {"a status and no more", ok, always,
     "an answer that was cut says nothing about the request"},
    {"a head that was cut", ok + "X: 1\r\n", always,
     "an answer that was cut says nothing about the request"},

    // Interim responses, and those without a body
    {"100", "HTTP/1.1 100 Continue\r\n\r\n" + ok + length},
    {"100 with headers",
     "HTTP/1.1 100 Continue\r\nContent-Length: 9\r\nX : 1\r\n\r\n" + ok + length},
    {"103", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + ok + length},
    {"101", "HTTP/1.1 101 Switching Protocols\r\n\r\n" + ok + length, always,
     "nobody asked for another protocol"},
    {"204 with a body", "HTTP/1.1 204 No Content\r\n" + length},
    {"205 with a body", "HTTP/1.1 205 Reset Content\r\n" + length},
    {"304 with a body", "HTTP/1.1 304 Not Modified\r\n" + length},
    {"302", "HTTP/1.1 302 Found\r\nLocation: /x\r\n" + length},
    {"an unknown encoding of the content", ok + "Content-Encoding: x\r\n" + length},
};

constexpr char failure[] = "failure";

std::string verdict(int status, const std::string& body) {
    return std::to_string(status) + ' ' + body;
}

std::string read_by_us(HttpClient& client, const std::string& url) {
    HttpRequest request;
    request.url = url;
    request.body = "body";
    std::optional<HttpResult> result;
    client.start(request, [&](HttpResult r) { result = std::move(r); });
    while (!result) client.run(1'000);
    return result->failed ? failure : verdict(result->response.status, result->response.body);
}

size_t append(char* data, size_t, size_t size, void* to) {
    static_cast<std::string*>(to)->append(data, size);
    return size;
}

std::string read_by_libcurl(const std::string& url) {
    std::string body;
    long status = 0;
    CURL* easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "body");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
    const CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(easy);
    return code == CURLE_OK ? verdict(static_cast<int>(status), body) : failure;
}

// 0: one that was not tried.
unsigned running_release() {
    const unsigned version = curl_version_info(CURLVERSION_NOW)->version_num;
    if (version < 0x080000) return in_7;
    if (version >= 0x081700 && version < 0x081800) return in_8_23;
    return version >= 0x080e00 && version < 0x080f00 ? in_8_14 : 0;
}

class OddAnswersTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { curl_global_init(CURL_GLOBAL_DEFAULT); }

    const std::unique_ptr<HttpClient> client_ = make_http_client();
};

TEST_F(OddAnswersTest, AreReadAsLibcurlReadsThemOrTheTableSaysWhyNot) {
    const unsigned release = running_release();
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        HttpServer server([&](ServerConnection& connection) {
            ReceivedRequest request;
            if (connection.read_request(request)) connection.send(row.bytes);
        });
        const std::string ours = read_by_us(*client_, server.url());
        const std::string theirs = read_by_libcurl(server.url());
        if ((row.differs & release) != 0 || row.differs == always) {
            EXPECT_NE(ours, theirs) << "no difference any more: " << row.why;
        } else if (release != 0 || row.differs == 0) {
            EXPECT_EQ(ours, theirs);
        }
    }
}

// The whole way: a request after an odd answer goes over another connection.
TEST_F(OddAnswersTest, EndTheirConnection) {
    std::string odd;
    HttpServer server(HttpServer::always(
        [&](auto& connection, const auto&) { connection.answer("ok", "200 OK", odd); }));
    EXPECT_EQ(read_by_us(*client_, server.url()), "200 ok");
    EXPECT_EQ(read_by_us(*client_, server.url()), "200 ok");
    EXPECT_EQ(server.connections(), 1);
    odd = "X-Cache : HIT\r\n";
    EXPECT_EQ(read_by_us(*client_, server.url()), "200 ok");
    EXPECT_EQ(server.connections(), 1);
    odd = "X-Cache: \x01\r\n";
    EXPECT_EQ(read_by_us(*client_, server.url()), "200 ok");
    EXPECT_EQ(server.connections(), 2);
    odd.clear();
    EXPECT_EQ(read_by_us(*client_, server.url()), "200 ok");
    EXPECT_EQ(server.connections(), 3);
}

}  // namespace
}  // namespace momento
