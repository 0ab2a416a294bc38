#include "http/environment_proxy.h"

#include <gtest/gtest.h>

namespace momento {
namespace {

struct Without {
    const char* url;
    const char* no_proxy;
    bool expected;
};

TEST(EnvironmentProxy, IsNotForTheHostsOfNoProxy) {
    for (const Without& test : {
             Without{"https://sqs.us-west-2.amazonaws.com", "", false},
             Without{"https://sqs.us-west-2.amazonaws.com", "*", true},
             Without{"https://sqs.us-west-2.amazonaws.com", "*,x", false},
             Without{"https://sqs.us-west-2.amazonaws.com", "amazonaws.com", true},
             Without{"https://sqs.us-west-2.amazonaws.com", " x , .AmazonAWS.com ", true},
             Without{"https://sqs.us-west-2.amazonaws.com", "zonaws.com", false},
             Without{"https://sqs.us-west-2.amazonaws.com", "sqs.us-west-2.amazonaws.com:443",
                     false},
             Without{"https://127.0.0.1:8443", "127.0.0.1:8443", true},
             Without{"https://127.0.0.1:8443", "127.0.0.1", true},
             Without{"https://127.0.0.1:8443", "127.0.0.0/8,.,,", false},
             Without{"https://[::1]:8443", "[::1]", true},
         }) {
        EXPECT_EQ(is_without_proxy(*parse_url(test.url), test.no_proxy), test.expected)
            << test.url << ' ' << test.no_proxy;
    }
}

TEST(EnvironmentProxy, NeedsNoScheme) {
    EXPECT_EQ(with_scheme("proxy:3128"), "http://proxy:3128");
    EXPECT_EQ(with_scheme("//proxy"), "http://proxy");
    EXPECT_EQ(with_scheme("https://user:p@proxy"), "https://user:p@proxy");
}

}  // namespace
}  // namespace momento
