#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

#include "http/client.h"
#include "http_server.h"

namespace momento {
namespace {

// A key and its self-signed certificate for 127.0.0.1, in a file too.
class TestCertificate {
  public:
    TestCertificate() : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
        X509* x = certificate_.get();
        X509_set_version(x, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
        X509_gmtime_adj(X509_getm_notBefore(x), -3'600);
        X509_gmtime_adj(X509_getm_notAfter(x), 3'600);
        X509_set_pubkey(x, key_.get());
        X509_NAME* name = X509_get_subject_name(x);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
        X509_set_issuer_name(x, name);
        add(NID_basic_constraints, "critical,CA:TRUE");
        add(NID_subject_alt_name, "IP:127.0.0.1");
        X509_sign(x, key_.get(), EVP_sha256());

        path_ = testing::TempDir() + "momento_test_ca_" + std::to_string(getpid()) + ".pem";
        std::FILE* file = std::fopen(path_.c_str(), "w");
        PEM_write_X509(file, x);
        std::fclose(file);
    }
    ~TestCertificate() { std::remove(path_.c_str()); }

    const std::string& path() const { return path_; }

    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> server_context() const {
        SSL_CTX* context = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate(context, certificate_.get());
        SSL_CTX_use_PrivateKey(context, key_.get());
        return {context, SSL_CTX_free};
    }

  private:
    void add(int nid, const char* value) {
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
        X509_add_ext(certificate_.get(), extension, -1);
        X509_EXTENSION_free(extension);
    }

    struct Free {
        void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
        void operator()(X509* certificate) const { X509_free(certificate); }
    };
    std::unique_ptr<EVP_PKEY, Free> key_;
    std::unique_ptr<X509, Free> certificate_;
    std::string path_;
};

class HttpClientTlsTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { curl_global_init(CURL_GLOBAL_DEFAULT); }

    HttpClientTlsTest()
        : context_(certificate_.server_context()),
          server_(HttpServer::always([](auto& connection, const auto& request) {
                      connection.answer(request.body);
                  }),
                  context_.get()),
          client_(make_http_client()) {}

    HttpResult transfer(const std::string& url, const std::string& trusted_certificate) {
        HttpRequest request;
        request.url = url;
        request.body = "body";
        request.trusted_certificate = trusted_certificate;
        std::optional<HttpResult> result;
        client_->start(request, [&](HttpResult r) { result = std::move(r); });
        while (!result) client_->run(1'000);
        return *result;
    }

    TestCertificate certificate_;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    HttpServer server_;
    std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTlsTest, TrustsTheCertificateItWasGiven) {
    HttpResult result = transfer(server_.url(), certificate_.path());
    ASSERT_FALSE(result.failed) << result.failure.text;
    EXPECT_EQ(result.response.body, "body");
    EXPECT_FALSE(transfer(server_.url(), certificate_.path()).failed);
    EXPECT_EQ(server_.connections(), 1);
}

TEST_F(HttpClientTlsTest, TrustsNobodyElse) {
    HttpResult result = transfer(server_.url(), "");
    ASSERT_TRUE(result.failed);
    EXPECT_EQ(result.failure.stage, HttpFailure::Stage::before_send);
    EXPECT_TRUE(result.failure.is_setup);
    EXPECT_NE(result.failure.text.find("trusted_certificate"), std::string::npos);

    TestCertificate stranger;
    std::string stranger_only = stranger.path();
    // Both certificates carry the same name: only the key tells them apart.
    EXPECT_TRUE(transfer(server_.url(), stranger_only).failed);
}

TEST_F(HttpClientTlsTest, ChecksTheServersName) {
    std::string by_name = "https://localhost:" + std::to_string(server_.port());
    HttpResult result = transfer(by_name, certificate_.path());
    ASSERT_TRUE(result.failed);
    EXPECT_EQ(result.failure.stage, HttpFailure::Stage::before_send);
}

TEST_F(HttpClientTlsTest, ServersThatDoNotSpeakTlsAreSetUpWrongly) {
    HttpServer plain([](ServerConnection& connection) {
        connection.read_some();
        connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    const HttpResult result =
        transfer("https://127.0.0.1:" + std::to_string(plain.port()), certificate_.path());
    ASSERT_TRUE(result.failed);
    EXPECT_TRUE(result.failure.is_setup) << result.failure.text;
    EXPECT_NE(result.failure.text.find("is it http?"), std::string::npos);
}

// As an overloaded server does: it passes.
TEST_F(HttpClientTlsTest, AHandshakeThatEndsPasses) {
    HttpServer busy([](ServerConnection& connection) { connection.read_some(); });
    const HttpResult result =
        transfer("https://127.0.0.1:" + std::to_string(busy.port()), certificate_.path());
    ASSERT_TRUE(result.failed);
    EXPECT_FALSE(result.failure.is_setup) << result.failure.text;
}

TEST_F(HttpClientTlsTest, ServersOfTlsThatAreAskedInPlainHttpAreSetUpWrongly) {
    const std::string alert("\x15\x03\x01\0\x02\x02\x16", 7);
    HttpServer alerting([&](ServerConnection& connection) {
        connection.read_some();
        connection.send(alert);
    });
    for (int port : {server_.port(), alerting.port()}) {
        const HttpResult result = transfer("http://127.0.0.1:" + std::to_string(port), "");
        ASSERT_TRUE(result.failed);
        EXPECT_TRUE(result.failure.is_setup) << result.failure.text;
        EXPECT_NE(result.failure.text.find("is it https?"), std::string::npos);
    }
}

TEST_F(HttpClientTlsTest, ATunnelThatAProxyRefusesIsSetUpWrongly) {
    std::string status;
    HttpServer proxy([&](ServerConnection& connection) {
        ReceivedRequest request;
        if (connection.read_request(request)) connection.answer("", status);
    });
    for (const auto& [answer, is_setup] :
         {std::pair("407 Proxy Authentication Required", true),
          std::pair("403 Forbidden", true), std::pair("302 Found", true),
          std::pair("503 Service Unavailable", false),
          std::pair("429 Too Many Requests", false)}) {
        status = answer;
        HttpRequest request;
        request.url = server_.url();
        request.proxy = proxy.url();
        request.trusted_certificate = certificate_.path();
        std::optional<HttpResult> result;
        client_->start(request, [&](HttpResult r) { result = std::move(r); });
        while (!result) client_->run(1'000);
        ASSERT_TRUE(result->failed);
        EXPECT_EQ(result->failure.is_setup, is_setup) << answer;
        const std::string words =
            "the proxy answers " + std::string(answer).substr(0, 3) + " to CONNECT";
        EXPECT_NE(result->failure.text.find(words), std::string::npos) << result->failure.text;
    }
}

TEST_F(HttpClientTlsTest, AMissingCertificateFileFailsBeforeSending) {
    HttpResult result = transfer(server_.url(), "/nonexistent/ca.pem");
    ASSERT_TRUE(result.failed);
    EXPECT_EQ(result.failure.stage, HttpFailure::Stage::before_send);
}

}  // namespace
}  // namespace momento
