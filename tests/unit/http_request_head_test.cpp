#include "http/request_head.h"

#include <gtest/gtest.h>

namespace momento {
namespace {

std::string head_of(HttpRequest request, bool through_proxy = false) {
    return request_head(request, *parse_url(request.url), through_proxy);
}

TEST(RequestHeadTest, SaysTheLengthOfAnEmptyBodyToo) {
    HttpRequest request;
    request.url = "https://events.example";
    EXPECT_EQ(head_of(request),
              "POST / HTTP/1.1\r\nHost: events.example\r\nContent-Length: 0\r\n\r\n");
    request.method = "GET";
    EXPECT_EQ(head_of(request), "GET / HTTP/1.1\r\nHost: events.example\r\n\r\n");
}

TEST(RequestHeadTest, TellsTheProxyWhoAsksForWhat) {
    HttpRequest request;
    request.method = "GET";
    request.url = "http://[::1]:81/a?b=c";
    request.proxy = "http://us%65r:p%40ss@proxy.example:3128";
    EXPECT_EQ(head_of(request, true),
              "GET http://[::1]:81/a?b=c HTTP/1.1\r\nHost: [::1]:81\r\n"
              "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n\r\n");
    request.proxy = "http://proxy.example";
    EXPECT_EQ(head_of(request, true),
              "GET http://[::1]:81/a?b=c HTTP/1.1\r\nHost: [::1]:81\r\n\r\n");
}

}  // namespace
}  // namespace momento
