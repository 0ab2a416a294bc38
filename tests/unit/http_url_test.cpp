#include "http/url.h"

#include <gtest/gtest.h>

namespace momento {
namespace {

TEST(Url, TakesAnEndpointApart) {
    auto url =
        parse_url("https://VPCE-1.Events.us-east-1.vpce.amazonaws.com:8443/a%20b/c?x=1&y");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->scheme, "https");
    EXPECT_EQ(url->host, "vpce-1.events.us-east-1.vpce.amazonaws.com");
    EXPECT_EQ(url->port, 8443);
    EXPECT_EQ(url->path, "/a%20b/c");
    EXPECT_EQ(url->query, "x=1&y");
    EXPECT_EQ(url->authority(), "vpce-1.events.us-east-1.vpce.amazonaws.com:8443");
    EXPECT_EQ(url->text(),
              "https://vpce-1.events.us-east-1.vpce.amazonaws.com:8443/a%20b/c?x=1&y");
}

TEST(Url, LeavesTheSchemesOwnPortOut) {
    EXPECT_EQ(parse_url("https://a:443")->authority(), "a");
    EXPECT_EQ(parse_url("http://a:80")->authority(), "a");
    EXPECT_EQ(parse_url("HTTP://a:443")->authority(), "a:443");
    EXPECT_EQ(parse_url("https://a")->port, 443);
    EXPECT_EQ(parse_url("http://a?q")->text(), "http://a/?q");
}

TEST(Url, KeepsAnIpv6AddressInBrackets) {
    EXPECT_EQ(parse_url("http://[FD00:ec2::254]/latest")->host, "[fd00:ec2::254]");
    EXPECT_EQ(parse_url("http://[::1]:4566")->authority(), "[::1]:4566");
}

TEST(Url, RefusesWhatIsNoAbsoluteHttpUrl) {
    for (const char* text : {"",
                             "http",
                             "http://",
                             "https:///path",
                             "localhost:4566",
                             "ftp://a",
                             "//a",
                             "http://a:0",
                             "http://a:65536",
                             "http://a:",
                             "http://a:x",
                             "http://a:80x",
                             "http://a:+80",
                             "http://[::1",
                             "http://[::g]",
                             "http://::1",
                             "http://a b",
                             "http://a/ b",
                             "http://a/\r\nX: y",
                             "http://a\n",
                             "http://a/#part",
                             "http://a,b",
                             "http://\xc3\xa9"}) {
        EXPECT_FALSE(parse_url(text)) << text;
    }
}

TEST(Url, RefusesAUserNameWithoutQuotingIt) {
    auto url = parse_url("https://user:hunter2@host/");
    ASSERT_FALSE(url);
    EXPECT_EQ(url.error().text.find("hunter2"), std::string::npos);
}

TEST(Url, AProxyMayHaveAUserButNoPath) {
    EXPECT_TRUE(check_proxy_url("http://proxy:3128"));
    EXPECT_TRUE(check_proxy_url("https://proxy:3128/"));
    EXPECT_TRUE(check_proxy_url("http://user:p@ss@proxy:3128"));
    EXPECT_FALSE(check_proxy_url("proxy:3128"));
    EXPECT_FALSE(check_proxy_url("http://proxy/path"));
    EXPECT_FALSE(check_proxy_url("socks5://proxy"));
}

TEST(Url, NoErrorQuotesAProxysPassword) {
    for (const char* text :
         {"http://user:hunter2@proxy:x", "http://user:hunter2@proxy/path", "user:hunter2@proxy",
          "http://user:hunter2@a@proxy:x", "http//user:hunter2@proxy"}) {
        Status status = check_proxy_url(text);
        ASSERT_FALSE(status) << text;
        EXPECT_EQ(status.error().text.find("hunter2"), std::string::npos) << text;
    }
}

TEST(Url, EncodesAllButUnreservedCharacters) {
    std::string text = "=";
    append_percent_encoded(text, std::string("aZ09-._~ /%+\0\xC3\xA9", 15));
    EXPECT_EQ(text, "=aZ09-._~%20%2F%25%2B%00%C3%A9");
}

}  // namespace
}  // namespace momento
