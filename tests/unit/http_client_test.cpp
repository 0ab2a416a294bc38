#include "http/client.h"

#include <curl/curl.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <future>
#include <optional>

#include <gtest/gtest.h>

#include "http_server.h"

namespace momento {
namespace {

using namespace std::chrono_literals;

class HttpClientTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { curl_global_init(CURL_GLOBAL_DEFAULT); }

    HttpClientTest() : client_(make_http_client()) {}

    static HttpRequest post(const std::string& url, std::string body = "body") {
        HttpRequest request;
        request.url = url;
        request.body = std::move(body);
        return request;
    }

    // Starts a transfer; its result will stand in the returned optional.
    std::shared_ptr<std::optional<HttpResult>> start(HttpRequest request) {
        auto result = std::make_shared<std::optional<HttpResult>>();
        client_->start(std::move(request), [result](HttpResult r) {
            EXPECT_FALSE(result->has_value()) << "called back twice";
            *result = std::move(r);
        });
        return result;
    }

    void run_until_idle() {
        while (client_->in_flight() > 0) client_->run(1'000);
    }

    HttpResult transfer(HttpRequest request) {
        auto result = start(std::move(request));
        run_until_idle();
        return **result;
    }

    std::unique_ptr<HttpClient> client_;
};

// Lets everybody pass once `count` have arrived.
class Gate {
  public:
    explicit Gate(int count) : missing_(count) {}

    void arrive_and_wait() {
        std::unique_lock lock(mutex_);
        if (--missing_ <= 0) changed_.notify_all();
        changed_.wait(lock, [this] { return missing_ <= 0; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int missing_;
};

TEST_F(HttpClientTest, SendsHeadersAsTheyStandAndNoneOfItsOwn) {
    ReceivedRequest seen;
    HttpServer server(HttpServer::always([&](auto& connection, const auto& request) {
        seen = request;
        connection.answer("");
    }));
    HttpRequest request = post(server.url("/path?query=1"), "some body");
    request.headers = {{"X-Amz-Target", "AWSEvents.PutEvents"},
                       {"X-Empty", ""},
                       {"X-Blank", "  "},
                       {"User-Agent", "momento-webhook/0"}};
    HttpResult result = transfer(request);

    ASSERT_FALSE(result.failed) << result.failure.text;
    EXPECT_EQ(seen.head,
              "POST /path?query=1 HTTP/1.1\r\n"
              "Host: 127.0.0.1:" +
                  std::to_string(server.port()) +
                  "\r\n"
                  "X-Amz-Target: AWSEvents.PutEvents\r\n"
                  "X-Empty:\r\n"
                  "X-Blank:\r\n"
                  "User-Agent: momento-webhook/0\r\n"
                  "Content-Length: 9\r\n\r\n");
    EXPECT_EQ(seen.body, "some body");
}

TEST_F(HttpClientTest, SendsLargeBodiesWithoutAskingFirst) {
    ReceivedRequest seen;
    HttpServer server(HttpServer::always([&](auto& connection, const auto& request) {
        seen = request;
        connection.answer("");
    }));
    std::string body(3u << 20, 'x');
    body[1] = '\0';
    HttpResult result = transfer(post(server.url(), body));
    ASSERT_FALSE(result.failed) << result.failure.text;
    EXPECT_FALSE(seen.has_header("Expect"));
    EXPECT_EQ(seen.body, body);
}

TEST_F(HttpClientTest, SpeaksOtherMethods) {
    std::vector<ReceivedRequest> seen;
    HttpServer server(HttpServer::always([&](auto& connection, const auto& request) {
        seen.push_back(request);
        connection.answer("answer");
    }));
    HttpRequest get = post(server.url(), "");
    get.method = "GET";
    EXPECT_EQ(transfer(get).response.body, "answer");
    HttpRequest put = post(server.url(), "");
    put.method = "PUT";
    EXPECT_EQ(transfer(put).response.body, "answer");

    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[0].line(), "GET / HTTP/1.1");
    EXPECT_FALSE(seen[0].has_header("Content-Length"));
    EXPECT_EQ(seen[1].line(), "PUT / HTTP/1.1");
    EXPECT_TRUE(seen[1].has_line("Content-Length: 0"));
}

TEST_F(HttpClientTest, GivesStatusHeadersAndBody) {
    HttpServer server(HttpServer::always([](auto& connection, const auto&) {
        connection.send("HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n");
        connection.answer("no", "400 Bad Request",
                          "X-AMZN-RequestId: abc\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n");
    }));
    HttpResult result = transfer(post(server.url()));
    ASSERT_FALSE(result.failed) << result.failure.text;
    EXPECT_EQ(result.response.status, 400);
    EXPECT_EQ(result.response.body, "no");
    EXPECT_GT(result.elapsed_us, 0);
    EXPECT_EQ(result.response.header("x-interim"), nullptr);
    ASSERT_NE(result.response.header("x-amzn-requestid"), nullptr);
    EXPECT_EQ(*result.response.header("x-amzn-requestid"), "abc");
    EXPECT_EQ(*result.response.header("set-cookie"), "a");
}

TEST_F(HttpClientTest, FollowsNoRedirectAndKeepsNoCookie) {
    int requests = 0;
    bool cookie = false;
    HttpServer server(HttpServer::always([&](auto& connection, const auto& request) {
        ++requests;
        cookie = cookie || request.has_header("Cookie");
        connection.answer("", "302 Found", "Location: /elsewhere\r\nSet-Cookie: a=b\r\n");
    }));
    EXPECT_EQ(transfer(post(server.url())).response.status, 302);
    EXPECT_EQ(transfer(post(server.url())).response.status, 302);
    EXPECT_EQ(requests, 2);
    EXPECT_FALSE(cookie);
}

TEST_F(HttpClientTest, KeepsConnections) {
    HttpServer server(
        HttpServer::always([](auto& connection, const auto&) { connection.answer("ok"); }));
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(transfer(post(server.url())).failed);
    EXPECT_EQ(server.connections(), 1);
}

// The next connection has the descriptor's number of the one before.
TEST_F(HttpClientTest, RestsWhenServersCloseKeptConnections) {
    HttpServer server([](ServerConnection& connection) {
        ReceivedRequest request;
        if (connection.read_request(request)) connection.answer("");
    });
    for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(transfer(post(server.url())).response.status, 200);
        int early = 0;
        for (int run = 0; run < 20; ++run) {
            const auto start = std::chrono::steady_clock::now();
            client_->run(5);
            if (std::chrono::steady_clock::now() - start < 4ms) ++early;
        }
        EXPECT_LE(early, 2) << "once for the end of the connection";
    }
}

TEST_F(HttpClientTest, SendsRequestsAtTheSameTime) {
    Gate both_are_here(2);
    HttpServer server(HttpServer::always([&](auto& connection, const auto&) {
        both_are_here.arrive_and_wait();
        connection.answer("ok");
    }));
    auto first = start(post(server.url()));
    auto second = start(post(server.url()));
    EXPECT_EQ(client_->in_flight(), 2u);
    run_until_idle();
    EXPECT_FALSE((*first)->failed);
    EXPECT_FALSE((*second)->failed);
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, KeepsToTheLimitOfConnectionsInOrder) {
    std::vector<std::string> bodies;
    HttpServer server(HttpServer::always([&](auto& connection, const auto& request) {
        bodies.push_back(request.body);
        connection.answer("ok");
    }));
    for (const char* body : {"1", "2", "3"}) {
        HttpRequest request = post(server.url(), body);
        request.max_connections = 1;
        start(request);
    }
    EXPECT_EQ(client_->in_flight(), 3u);
    run_until_idle();
    EXPECT_EQ(bodies, (std::vector<std::string>{"1", "2", "3"}));
    EXPECT_EQ(server.connections(), 1);
}

TEST_F(HttpClientTest, AFullHostDoesNotHoldUpAnother) {
    std::promise<void> other_was_served;
    HttpServer slow(HttpServer::always([&](auto& connection, const auto&) {
        other_was_served.get_future().wait();
        connection.answer("slow");
    }));
    HttpServer other(HttpServer::always([&](auto& connection, const auto&) {
        connection.answer("other");
        other_was_served.set_value();
    }));
    HttpRequest to_slow = post(slow.url());
    to_slow.max_connections = 1;
    HttpRequest to_other = post(other.url());
    to_other.max_connections = 1;
    auto slow_result = start(to_slow);
    auto other_result = start(to_other);
    run_until_idle();
    EXPECT_EQ((*slow_result)->response.body, "slow");
    EXPECT_EQ((*other_result)->response.body, "other");
}

TEST_F(HttpClientTest, CallsBackFromRunOnlyAndMayBeUsedInThere) {
    HttpServer server(
        HttpServer::always([](auto& connection, const auto&) { connection.answer("ok"); }));
    std::string order;
    client_->start(post("not a URL"), [&](HttpResult first) {
        EXPECT_TRUE(first.failed);
        order += "first ";
        client_->start(post(server.url()), [&](HttpResult second) {
            EXPECT_FALSE(second.failed);
            order += "second";
        });
    });
    EXPECT_EQ(order, "");
    client_->run(0);
    EXPECT_EQ(order, "first ");
    run_until_idle();
    EXPECT_EQ(order, "first second");
}

// A server that has read enough may say so, and close.
TEST_F(HttpClientTest, TakesAnAnswerThatComesBeforeAllIsSent) {
    HttpServer server([](ServerConnection& connection) {
        connection.read_some();
        connection.answer("", "413 Content Too Large", "Connection: close\r\n");
    });
    for (int round = 0; round < 2; ++round) {
        const HttpResult result = transfer(post(server.url(), std::string(32u << 20, 'x')));
        ASSERT_FALSE(result.failed) << result.failure.text;
        EXPECT_EQ(result.response.status, 413);
    }
    EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, UsesNoConnectionOnWhichMoreCameThanTheAnswer) {
    HttpServer server(HttpServer::always([](auto& connection, const auto&) {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 No\r\n");
    }));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(transfer(post(server.url())).response.body, "ok");
    EXPECT_EQ(server.connections(), 3);
}

TEST_F(HttpClientTest, UsesNoKeptConnectionThatWasClosedWhileNobodyLooked) {
    HttpServer server([](ServerConnection& connection) {
        ReceivedRequest request;
        if (connection.read_request(request)) connection.answer("ok");
    });
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(transfer(post(server.url())).failed);
        server.wait_until_closed(i + 1);
    }
}

TEST_F(HttpClientTest, UsesNoConnectionWhoseEndCameWithTheAnswer) {
    HttpServer server([](ServerConnection& connection) {
        ReceivedRequest request;
        if (connection.read_request(request)) connection.answer_and_end("ok");
    });
    std::vector<std::shared_ptr<std::optional<HttpResult>>> results;
    for (int i = 0; i < 20; ++i) {
        HttpRequest request = post(server.url());
        request.max_connections = 1;
        results.push_back(start(request));
    }
    run_until_idle();
    for (const auto& result : results) EXPECT_FALSE((*result)->failed);
    EXPECT_EQ(server.connections(), 20);
}

TEST_F(HttpClientTest, TakesNothingThatCameUnaskedForTheNextAnswer) {
    std::promise<void> stray;
    HttpServer server(HttpServer::always([&](auto& connection, const auto& request) {
        connection.answer(request.body);
        if (request.body != "first") return;
        std::this_thread::sleep_for(5ms);  // not in one piece with the answer
        connection.answer("stray");
        stray.set_value();
    }));
    EXPECT_EQ(transfer(post(server.url(), "first")).response.body, "first");
    stray.get_future().wait();
    EXPECT_EQ(transfer(post(server.url(), "second")).response.body, "second");
}

// While one connection is opened, libcurl looks for dead ones among all it has, once a second.
TEST_F(HttpClientTest, KeepsAnAnswerThatHasArrivedWhenAnotherConnectionIsOpened) {
    std::promise<void> answered;
    HttpServer slow(HttpServer::always([&](auto& connection, const auto& request) {
        if (request.body == "first") return connection.answer("ok");
        std::this_thread::sleep_for(1'100ms);
        connection.answer("late");
        answered.set_value();
        return true;
    }));
    HttpServer other(
        HttpServer::always([](auto& connection, const auto&) { connection.answer("other"); }));
    EXPECT_FALSE(transfer(post(slow.url(), "first")).failed);
    const auto late = start(post(slow.url(), "second"));
    answered.get_future().wait();
    const auto opened = start(post(other.url()));
    run_until_idle();
    EXPECT_EQ((*late)->response.body, "late");
    EXPECT_EQ((*opened)->response.body, "other");
}

TEST_F(HttpClientTest, ATimeoutAfterSendingLeavesTheOutcomeOpen) {
    HttpServer server(HttpServer::always([](auto&, const auto&) {}));
    HttpRequest request = post(server.url());
    request.total_timeout_ms = 50;
    HttpResult result = transfer(request);
    ASSERT_TRUE(result.failed);
    EXPECT_EQ(result.failure.stage, HttpFailure::Stage::after_send);
    EXPECT_NE(result.failure.text.find(server.url("")), std::string::npos);
}

TEST_F(HttpClientTest, AResetAfterTheRequestLeavesTheOutcomeOpen) {
    HttpServer server([](auto& connection) {
        ReceivedRequest request;
        connection.read_request(request);
        connection.reset();
    });
    HttpResult result = transfer(post(server.url()));
    ASSERT_TRUE(result.failed);
    EXPECT_EQ(result.failure.stage, HttpFailure::Stage::after_send);
}

TEST_F(HttpClientTest, NeverRepeatsARequestByItself) {
    // What libcurl does on its own when a kept connection ends before an answer.
    for (bool reset : {false, true}) {
        std::atomic<int> copies = 0;
        HttpServer server([&](auto& connection) {
            ReceivedRequest request;
            connection.read_request(request);
            connection.answer("ok");
            if (!connection.read_request(request)) return;
            ++copies;
            if (reset) connection.reset();
        });
        ASSERT_FALSE(transfer(post(server.url())).failed);
        HttpResult result = transfer(post(server.url(), "again"));
        EXPECT_TRUE(result.failed);
        EXPECT_EQ(result.failure.stage, HttpFailure::Stage::after_send);
        EXPECT_EQ(copies, 1);
    }
}

TEST_F(HttpClientTest, ARefusedConnectionWasNeverSeen) {
    int port;
    close(HttpServer::listen_on_loopback(port));
    HttpResult result = transfer(post("http://127.0.0.1:" + std::to_string(port)));
    ASSERT_TRUE(result.failed);
    EXPECT_EQ(result.failure.stage, HttpFailure::Stage::before_send);
    EXPECT_EQ(result.failure.text.rfind(
                  "\"http://127.0.0.1:" + std::to_string(port) + "\": failed to connect", 0),
              0u)
        << result.failure.text;
}

TEST_F(HttpClientTest, RefusesAnEndlessAnswer) {
    HttpServer server(HttpServer::always([](auto& connection, const auto&) {
        connection.send("HTTP/1.1 200 OK\r\n\r\n");
        while (connection.send(std::string(65'536, 'x'))) {
        }
    }));
    HttpResult result = transfer(post(server.url()));
    ASSERT_TRUE(result.failed);
    EXPECT_EQ(result.failure.stage, HttpFailure::Stage::after_send);
    EXPECT_NE(result.failure.text.find("longer than 4194304 bytes"), std::string::npos);
    EXPECT_TRUE(result.response.body.empty());
}

TEST_F(HttpClientTest, TakesAnAnswerOfJustTheAllowedLength) {
    HttpServer server(HttpServer::always([](auto& connection, const auto&) {
        connection.answer(std::string(max_response_bytes, 'x'));
    }));
    HttpResult result = transfer(post(server.url()));
    ASSERT_FALSE(result.failed) << result.failure.text;
    EXPECT_EQ(result.response.body.size(), max_response_bytes);
}

TEST_F(HttpClientTest, GathersAnswersWhenItIsBusy) {
    HttpServer server(
        HttpServer::always([](auto& connection, const auto&) { connection.answer("ok"); }));
    const auto time_of = [&](int transfers) {
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < transfers; ++i) EXPECT_FALSE(transfer(post(server.url())).failed);
        return std::chrono::steady_clock::now() - begin;
    };
    client_->gather_answers(20'000);
    EXPECT_GE(time_of(20), 10 * 20ms) << "each of the later ones waited";
    client_->gather_answers(0);
    for (int i = 0; i < 20; ++i) transfer(post(server.url()));
}

TEST_F(HttpClientTest, WakesFromAnotherThread) {
    std::thread([this] { client_->wake(); }).join();
    client_->run(3'600'000);  // hangs if the wake was lost
}

TEST_F(HttpClientTest, HearsOfAWakeBetweenTwoRuns) {
    client_->run(0);
    client_->wake();
    client_->run(3'600'000);  // hangs if the wake was lost
    client_->wake();
    client_->wake();
    client_->run(3'600'000);
    const auto start = std::chrono::steady_clock::now();
    client_->run(20);  // both were heard: nothing is left
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(20));
}

TEST_F(HttpClientTest, WakesWhileTransfersWait) {
    std::promise<void> finish;
    HttpServer server(HttpServer::always([&](auto& connection, const auto&) {
        client_->wake();  // a thread of the server's
        finish.get_future().wait();
        connection.answer("ok");
    }));
    HttpRequest request = post(server.url());
    request.total_timeout_ms = 3'600'000;
    auto result = start(request);
    client_->run(3'600'000);  // hangs if the wake was lost
    EXPECT_FALSE(*result);
    finish.set_value();
    run_until_idle();
    EXPECT_FALSE((*result)->failed);
}

TEST_F(HttpClientTest, CancelsWhatRunsAndWhatWaits) {
    std::promise<void> arrived;
    HttpServer server([&](auto& connection) {
        ReceivedRequest request;
        connection.read_request(request);
        arrived.set_value();
        connection.read_request(request);  // until the client leaves
    });
    HttpRequest request = post(server.url());
    request.max_connections = 1;
    auto active = start(request);
    auto waiting = start(request);
    std::future<void> has_arrived = arrived.get_future();
    while (has_arrived.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
        client_->run(10);
    }

    client_->cancel_all();
    EXPECT_FALSE(*active);
    EXPECT_EQ(client_->in_flight(), 2u);
    client_->run(3'600'000);  // has something to do, so it does not wait
    ASSERT_TRUE(*active && *waiting);
    EXPECT_EQ((*active)->failure.stage, HttpFailure::Stage::cancelled);
    EXPECT_EQ((*waiting)->failure.stage, HttpFailure::Stage::cancelled);
    EXPECT_EQ(client_->in_flight(), 0u);
}

TEST_F(HttpClientTest, WorksOnAfterACancel) {
    HttpServer server(
        HttpServer::always([](auto& connection, const auto&) { connection.answer("ok"); }));
    HttpRequest request = post(server.url());
    request.max_connections = 1;
    start(request);
    client_->cancel_all();
    run_until_idle();
    EXPECT_FALSE(transfer(request).failed);
}

TEST_F(HttpClientTest, DestroyedItDropsItsTransfersSilently) {
    HttpServer server([](auto& connection) {
        ReceivedRequest request;
        while (connection.read_request(request)) {
        }
    });
    HttpRequest request = post(server.url());
    request.max_connections = 1;
    for (int i = 0; i < 2; ++i) {
        client_->start(request, [](HttpResult) { FAIL() << "called back"; });
    }
    client_->start(post("not a URL"), [](HttpResult) { FAIL() << "called back"; });
    client_.reset();
}

TEST_F(HttpClientTest, RefusesWhatWouldSmuggleAHeaderIn) {
    std::atomic<int> requests = 0;
    HttpServer server(HttpServer::always([&](auto& connection, const auto&) {
        ++requests;
        connection.answer("ok");
    }));
    std::vector<std::pair<std::string, std::string>> bad = {
        {"X-A", "1\r\nX-B: 2"}, {"X-A", "1\n"}, {"X-A", std::string("1\0002", 3)},
        {"X-A: 1\r\nX-B", "2"}, {"", "1"},      {"X A", "1"},
        {"X-A:", "1"}};
    for (const auto& header : bad) {
        HttpRequest request = post(server.url());
        request.headers = {header};
        HttpResult result = transfer(request);
        EXPECT_TRUE(result.failed);
        EXPECT_EQ(result.failure.stage, HttpFailure::Stage::before_send);
        EXPECT_EQ(result.failure.text.find('\n'), std::string::npos);
    }
    HttpRequest request = post(server.url());
    request.method = "GET / HTTP/1.1\r\nX-A: 1\r\n\r\nPOST";
    EXPECT_TRUE(transfer(request).failed);
    EXPECT_EQ(requests, 0);
}

class Environment {
  public:
    Environment(std::string name, const std::string& value) : name_(std::move(name)) {
        setenv(name_.c_str(), value.c_str(), 1);
    }
    ~Environment() { unsetenv(name_.c_str()); }

  private:
    std::string name_;
};

TEST_F(HttpClientTest, IgnoresTheEnvironmentsProxies) {
    int closed;
    close(HttpServer::listen_on_loopback(closed));
    std::string nowhere = "http://127.0.0.1:" + std::to_string(closed);
    Environment http("http_proxy", nowhere);
    Environment all("ALL_PROXY", nowhere);
    HttpServer server(
        HttpServer::always([](auto& connection, const auto&) { connection.answer("direct"); }));
    EXPECT_EQ(transfer(post(server.url())).response.body, "direct");
}

TEST_F(HttpClientTest, UsesItsProxyWhateverTheEnvironmentExempts) {
    Environment none("no_proxy", "*");
    ReceivedRequest seen;
    HttpServer proxy(HttpServer::always([&](auto& connection, const auto& request) {
        seen = request;
        connection.answer("proxied");
    }));
    HttpRequest request = post("http://events.example/path");
    request.proxy = proxy.url("");
    EXPECT_EQ(transfer(request).response.body, "proxied");
    EXPECT_EQ(seen.line(), "POST http://events.example/path HTTP/1.1");
}

TEST_F(HttpClientTest, ATunnellingProxySeesNoHeaderOfOurs) {
    ReceivedRequest seen;
    HttpServer proxy(HttpServer::always([&](auto& connection, const auto& request) {
        seen = request;
        connection.answer("", "403 Forbidden");
    }));
    HttpRequest request = post("https://events.example/");
    request.proxy = "http://user:hunter2@127.0.0.1:" + std::to_string(proxy.port());
    request.headers = {{"Authorization", "signature"}, {"X-Amz-Security-Token", "token"}};
    HttpResult result = transfer(request);
    ASSERT_TRUE(result.failed);
    EXPECT_EQ(result.failure.stage, HttpFailure::Stage::before_send);
    EXPECT_EQ(seen.line(), "CONNECT events.example:443 HTTP/1.1");
    EXPECT_TRUE(seen.has_header("Proxy-Authorization"));
    EXPECT_FALSE(seen.has_header("Authorization"));
    EXPECT_FALSE(seen.has_header("X-Amz-Security-Token"));
}

TEST_F(HttpClientTest, NamesWhatTheProxySaidToConnect) {
    for (const char* user : {"", "user:hunter2@"}) {
        HttpServer proxy(HttpServer::always([](auto& connection, const auto&) {
            connection.answer("", "407 Proxy Authentication Required");
        }));
        HttpRequest request = post("https://events.example/");
        request.proxy =
            "http://" + std::string(user) + "127.0.0.1:" + std::to_string(proxy.port());
        HttpResult result = transfer(request);
        ASSERT_TRUE(result.failed);
        EXPECT_NE(result.failure.text.find("the proxy answers 407 to CONNECT"),
                  std::string::npos)
            << result.failure.text;
        EXPECT_EQ(result.failure.text.find("hunter2"), std::string::npos);
    }
}

TEST_F(HttpClientTest, NoFailureQuotesTheProxysPassword) {
    for (const char* proxy :
         {"http://user:hunter2@127.0.0.1:x", "gopher://user:hunter2@127.0.0.1:1"}) {
        HttpRequest request = post("http://events.example/");
        request.proxy = proxy;
        HttpResult result = transfer(request);
        ASSERT_TRUE(result.failed);
        EXPECT_EQ(result.failure.text.find("hunter2"), std::string::npos)
            << result.failure.text;
    }
}

}  // namespace
}  // namespace momento
