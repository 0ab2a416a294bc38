// A resolver that never answers must hold up neither a transfer's end nor the client's.
#include <curl/curl.h>
#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>

#include <gtest/gtest.h>

#include "http/client.h"

namespace {

constexpr char hanging_name[] = "hangs.example";
constexpr char unknown_name[] = "unknown.example";

// Holds every look-up of that name until it is released.
class Resolver {
  public:
    static Resolver& instance() {
        static Resolver resolver;
        return resolver;
    }
    void hang() {
        std::unique_lock lock(mutex_);
        ++hanging_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return released_; });
        --hanging_;
        changed_.notify_all();
    }
    void wait_until_hanging() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return hanging_ > 0; });
    }
    void release() {
        std::unique_lock lock(mutex_);
        released_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return hanging_ == 0; });
        released_ = false;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int hanging_ = 0;
    bool released_ = false;
};

}  // namespace

// Stands before the C library's for this whole test program.
extern "C" __attribute__((visibility("default"))) int getaddrinfo(const char* node,
                                                                  const char* service,
                                                                  const addrinfo* hints,
                                                                  addrinfo** result) {
    if (node && std::strcmp(node, hanging_name) == 0) {
        Resolver::instance().hang();
        return EAI_AGAIN;
    }
    if (node && std::strcmp(node, unknown_name) == 0) return EAI_NONAME;
    using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
    static auto next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "getaddrinfo"));
    return next(node, service, hints, result);
}

namespace momento {
namespace {

class HttpClientResolverTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { curl_global_init(CURL_GLOBAL_DEFAULT); }

    static HttpRequest request_to_hanging_name() {
        HttpRequest request;
        request.url = std::string("http://") + hanging_name + "/";
        request.total_timeout_ms = 3'600'000;
        request.connect_timeout_ms = 3'600'000;
        return request;
    }

    std::unique_ptr<HttpClient> client_ = make_http_client();
};

TEST_F(HttpClientResolverTest, AnUnknownNameIsSetUpWrongly) {
    for (bool is_of_proxy : {false, true}) {
        HttpRequest request;
        request.url = is_of_proxy ? "http://127.0.0.1:9/" : "https://unknown.example/";
        if (is_of_proxy) request.proxy = "http://unknown.example:3128";
        std::optional<HttpResult> result;
        client_->start(request, [&](HttpResult r) { result = std::move(r); });
        while (!result) client_->run(1'000);
        ASSERT_TRUE(result->failed);
        EXPECT_TRUE(result->failure.is_setup) << result->failure.text;
        const char* remedy =
            is_of_proxy ? "is the proxy's name right" : "endpoint's name right";
        EXPECT_NE(result->failure.text.find(remedy), std::string::npos) << result->failure.text;
    }
}

// Each of these hangs for good if the client waits for the resolver.

TEST_F(HttpClientResolverTest, CanBeDestroyed) {
    client_->start(request_to_hanging_name(), [](HttpResult) { FAIL() << "called back"; });
    client_->run(0);
    Resolver::instance().wait_until_hanging();
    client_.reset();
    Resolver::instance().release();
}

TEST_F(HttpClientResolverTest, ATransferCanTimeOut) {
    HttpRequest request = request_to_hanging_name();
    request.connect_timeout_ms = 50;
    std::optional<HttpResult> result;
    client_->start(request, [&](HttpResult r) { result = std::move(r); });
    client_->run(0);
    Resolver::instance().wait_until_hanging();
    while (!result) client_->run(1'000);
    EXPECT_EQ(result->failure.stage, HttpFailure::Stage::before_send);
    client_.reset();
    Resolver::instance().release();
}

TEST_F(HttpClientResolverTest, ATransferCanBeCancelled) {
    std::optional<HttpResult> result;
    client_->start(request_to_hanging_name(), [&](HttpResult r) { result = std::move(r); });
    client_->run(0);
    Resolver::instance().wait_until_hanging();
    client_->cancel_all();
    client_->run(0);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->failure.stage, HttpFailure::Stage::cancelled);
    client_.reset();
    Resolver::instance().release();
}

}  // namespace
}  // namespace momento
