// What one request of ten events costs the delivery thread on its way to the bus and back:
// the kernel alone, libcurl's HTTP, the gateway's, and the signature. CPU time
// of the one thread; the server has its own.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <thread>

#include "aws/sigv4.h"
#include "base/descriptor.h"
#include "http/client.h"

namespace momento {
namespace {

constexpr size_t body_size = 5'200;  // ten events of 400 bytes, as PutEvents wants them
constexpr size_t answer_body_size = 560;
constexpr int64_t now_ms = 1'705'157'776'123;

// Answers every request of one connection after the other, whatever it says.
class Server {
  public:
    Server() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        if (bind(listener_.get(), generic, size) != 0 || listen(listener_.get(), 8) != 0 ||
            getsockname(listener_.get(), generic, &size) != 0) {
            throw std::runtime_error("cannot listen on 127.0.0.1");
        }
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }

    ~Server() {
        shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }

    uint16_t port() const { return port_; }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + '/'; }

  private:
    void serve() {
        const std::string answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: " +
            std::to_string(answer_body_size) + "\r\n\r\n" + std::string(answer_body_size, 'x');
        for (;;) {
            const Descriptor connection(accept(listener_.get(), nullptr, nullptr));
            if (!connection) return;
            answer_all(connection.get(), answer);
        }
    }

    static void answer_all(int connection, const std::string& answer) {
        std::string request;
        char piece[16'384];
        for (;;) {
            const ssize_t got = recv(connection, piece, sizeof piece, 0);
            if (got <= 0) return;
            request.append(piece, static_cast<size_t>(got));
            const size_t head = request.find("\r\n\r\n");
            if (head == request.npos || request.size() < head + 4 + body_size) continue;
            request.clear();
            if (send(connection, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
        }
    }

    const Descriptor listener_;
    uint16_t port_ = 0;
    std::thread thread_;
};

aws::Headers headers() {
    return {{"Content-Type", "application/x-amz-json-1.1"},
            {"X-Amz-Target", "AWSEvents.PutEvents"},
            {"User-Agent", "momento-webhook/0.1.0"},
            {"X-Amz-Date", "20240113T145616Z"},
            {"Authorization", std::string(250, 'x')}};
}

void request_by_the_kernel_alone(benchmark::State& state) {
    const Server server;
    const Descriptor connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        return state.SkipWithError("no connection");
    }
    std::string request = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    for (const auto& [name, value] : headers()) request += name + ": " + value + "\r\n";
    request += "\r\n" + std::string(body_size, 'x');
    char answer[4'096];
    for (auto _ : state) {
        if (send(connection.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0 ||
            recv(connection.get(), answer, sizeof answer, 0) <= 0) {
            return state.SkipWithError("the connection ended");
        }
    }
}
BENCHMARK(request_by_the_kernel_alone);

extern "C" size_t ignore(char*, size_t size, size_t count, void*) {
    return size * count;
}

void request_by_libcurl_alone(benchmark::State& state) {
    const Server server;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM* multi = curl_multi_init();
    CURL* easy = curl_easy_init();
    const std::string url = server.url();
    const std::string body(body_size, 'x');
    curl_slist* lines = nullptr;
    for (const auto& [name, value] : headers()) {
        lines = curl_slist_append(lines, (name + ": " + value).c_str());
    }
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    for (auto _ : state) {
        curl_multi_add_handle(multi, easy);
        for (int running = 1; running > 0;) {
            curl_multi_perform(multi, &running);
            if (running > 0) curl_multi_poll(multi, nullptr, 0, 1'000, nullptr);
        }
        curl_multi_remove_handle(multi, easy);
    }
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(lines);
}
BENCHMARK(request_by_libcurl_alone);

void request_by_the_gateways_client(benchmark::State& state) {
    const Server server;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const auto client = make_http_client();
    for (auto _ : state) {
        HttpRequest request;
        request.url = server.url();
        request.headers = headers();
        request.body.assign(body_size, 'x');
        client->start(std::move(request), [&state](const HttpResult& result) {
            if (result.failed) state.SkipWithError("the request failed");
        });
        while (client->in_flight() > 0) client->run(1'000);
    }
}
BENCHMARK(request_by_the_gateways_client);

void signature_of_a_request(benchmark::State& state) {
    aws::Sigv4Signer signer("eu-west-1", "events");
    aws::Credentials credentials;
    credentials.access_key_id = "AKIDEXAMPLE";
    credentials.secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const std::string body(body_size, 'x');
    const aws::Headers sent = {{"Content-Type", "application/x-amz-json-1.1"},
                               {"X-Amz-Target", "AWSEvents.PutEvents"}};
    aws::SignableRequest request;
    request.host = "events.eu-west-1.amazonaws.com";
    request.headers = &sent;
    const aws::CanonicalForm form(request);
    for (auto _ : state) {
        aws::Headers added;
        signer.sign(form, body, credentials, now_ms, added);
        benchmark::DoNotOptimize(added);
    }
}
BENCHMARK(signature_of_a_request);

}  // namespace
}  // namespace momento
