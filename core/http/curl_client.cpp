#include <curl/curl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <new>
#include <optional>

#include "base/ascii.h"
#include "base/descriptor.h"
#include "http/client.h"
#include "http/curl_sockets.h"
#include "http/easy_handles.h"
#include "http/header_lines.h"
#include "http/url.h"

namespace momento {
namespace {

// Kept for reuse when no request needs them, all hosts together.
constexpr long max_idle_connections = 256;

using MultiHandle = std::unique_ptr<CURLM, CurlCleanup<curl_multi_cleanup>>;
using ShareHandle = std::unique_ptr<CURLSH, CurlCleanup<curl_share_cleanup>>;

struct Transfer {
    HttpRequest request;
    HttpClient::Done done;
    std::string origin;
    std::optional<HeaderLines> headers;
    bool begun = false;  // there was a connection to send it over
    HttpResult result;
    bool too_long = false;
    char error[CURL_ERROR_SIZE] = "";
    EasyHandle handle;  // last, because it points to the others
};

// Has any of it left? Of a request through a tunnel: of the tunnel's, too.
bool is_sent(CURL* easy) {
    long bytes = 0;
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes);
    return bytes > 0;
}

// libcurl asks before it sends a request. When a kept connection dies before the answer, it
// would silently send again what the server may have acted on; the caller must know of every
// repetition.
extern "C" int momento_http_begin(void* user, char*, char*, int, int) {
    auto* transfer = static_cast<Transfer*>(user);
    const bool again = transfer->begun && is_sent(transfer->handle.get());
    transfer->begun = true;
    return again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

extern "C" size_t momento_http_write(char* data, size_t size, size_t count, void* user) {
    auto* transfer = static_cast<Transfer*>(user);
    std::string& body = transfer->result.response.body;
    if (size * count > max_response_bytes - body.size()) {
        transfer->too_long = true;
        return 0;
    }
    try {
        body.append(data, size * count);
    } catch (const std::bad_alloc&) {
        return 0;
    }
    return size * count;
}

class CurlClient final : public HttpClient {
  public:
    CurlClient()
        : share_(curl_share_init()),
          multi_(curl_multi_init()),
          wakes_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
        if (!share_ || !multi_ || !wakes_) throw std::bad_alloc();
        sockets_.attach(multi_.get());
        sockets_.add(wakes_.get());
        curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
        curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, max_idle_connections);
    }

    ~CurlClient() override {
        for (auto& active : active_) curl_multi_remove_handle(multi_.get(), active.first);
    }

    void start(HttpRequest request, Done done) override {
        auto transfer = std::make_unique<Transfer>();
        transfer->request = std::move(request);
        transfer->done = std::move(done);

        Status status = check_request(transfer->request);
        if (status) status = find_origin(*transfer);
        if (!status) {
            finish(std::move(transfer), HttpFailure::Stage::before_send, status.error().text);
            return;
        }
        waiting_.push_back(std::move(transfer));
        admit();
    }

    void run(int64_t timeout_ms) override {
        admit();
        sockets_.act_on_timer();
        collect();
        if (finished_.empty() && timeout_ms > 0) {
            uint64_t count;
            if (sockets_.wait(timeout_ms)) (void)!read(wakes_.get(), &count, sizeof count);
            woken_.exchange(false, std::memory_order_acq_rel);
            collect();
        }
        admit();
        // Callbacks start and cancel transfers: what they finish is for the next run.
        std::vector<std::unique_ptr<Transfer>> finished;
        finished.swap(finished_);
        for (auto& transfer : finished) transfer->done(std::move(transfer->result));
    }

    // One system call however often it is woken before it looks: what was posted before the
    // flag is taken back is seen after that. An eventfd costs less than the sockets of
    // curl_multi_wakeup.
    void wake() override {
        if (woken_.exchange(true, std::memory_order_acq_rel)) return;
        const uint64_t one = 1;
        (void)!write(wakes_.get(), &one, sizeof one);
    }

    void cancel_all() override {
        for (auto& [easy, transfer] : active_) {
            retire(*transfer);
            finish(std::move(transfer), HttpFailure::Stage::cancelled, "cancelled");
        }
        active_.clear();
        per_origin_.clear();
        for (auto& transfer : waiting_) {
            finish(std::move(transfer), HttpFailure::Stage::cancelled, "cancelled");
        }
        waiting_.clear();
    }

    size_t in_flight() const override {
        return active_.size() + waiting_.size() + finished_.size();
    }

  private:
    // Most requests go where the last one went.
    Status find_origin(Transfer& transfer) {
        const std::string& text = transfer.request.url;
        if (text != last_url_) {
            const Result<Url> url = parse_url(text);
            if (!url) return url.error();
            last_url_ = text;
            last_origin_ = url->origin();
        }
        transfer.origin = last_origin_;
        return {};
    }

    // Starts what has waited for a connection, as far as its host's limit allows.
    void admit() {
        for (auto next = waiting_.begin(); next != waiting_.end();) {
            int& connections = per_origin_[(*next)->origin];
            if (connections >= std::max((*next)->request.max_connections, 1)) {
                ++next;
                continue;
            }
            std::unique_ptr<Transfer> transfer = std::move(*next);
            next = waiting_.erase(next);
            if (begin(std::move(transfer))) ++connections;
        }
    }

    bool begin(std::unique_ptr<Transfer> transfer) {
        CURLcode code = prepare(*transfer);
        CURL* easy = transfer->handle.get();
        if (code == CURLE_OK && curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) {
            code = CURLE_FAILED_INIT;
        }
        if (code != CURLE_OK) {
            std::string text = describe(*transfer, code);
            finish(std::move(transfer), HttpFailure::Stage::before_send, std::move(text));
            return false;
        }
        active_[easy] = std::move(transfer);
        return true;
    }

    // Gives it a handle that is told everything.
    CURLcode prepare(Transfer& transfer) {
        const HttpRequest& request = transfer.request;
        CURLcode code = handles_.take(request, transfer.handle);
        CURL* easy = transfer.handle.get();
        transfer.headers.emplace(request);
        auto set = [&](CURLoption option, auto value) {
            if (code == CURLE_OK) code = curl_easy_setopt(easy, option, value);
        };
        set(CURLOPT_ERRORBUFFER, transfer.error);
        set(CURLOPT_HTTPHEADER, transfer.headers->list());
        set(CURLOPT_PREREQDATA, &transfer);
        set(CURLOPT_WRITEDATA, &transfer);
        if (!is_get(request)) {
            // Not through a callback: so it leaves with the headers, in one call.
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
            set(CURLOPT_POSTFIELDS, request.body.c_str());
        }
        return code;
    }

    void retire(Transfer& transfer) {
        CURL* easy = transfer.handle.get();
        curl_multi_remove_handle(multi_.get(), easy);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
        handles_.keep(std::move(transfer.handle));
    }

    // Transfers that libcurl has come to the end of.
    void collect() {
        int left;
        while (CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
            if (message->msg == CURLMSG_DONE) {
                complete(message->easy_handle, message->data.result);
            }
        }
    }

    void complete(CURL* easy, CURLcode code) {
        auto found = active_.find(easy);
        std::unique_ptr<Transfer> transfer = std::move(found->second);
        active_.erase(found);
        auto connections = per_origin_.find(transfer->origin);
        if (--connections->second == 0) per_origin_.erase(connections);

        HttpResult& result = transfer->result;
        curl_off_t elapsed_us = 0;
        curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &elapsed_us);
        result.elapsed_us = elapsed_us;

        if (code == CURLE_OK) {
            read_answer(easy, result.response);
            retire(*transfer);
            finished_.push_back(std::move(transfer));
            return;
        }
        const bool seen = transfer->begun && is_sent(easy);
        std::string text = describe(*transfer, code);
        retire(*transfer);
        finish(std::move(transfer),
               seen ? HttpFailure::Stage::after_send : HttpFailure::Stage::before_send,
               std::move(text));
    }

    static void read_answer(CURL* easy, HttpResponse& response) {
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        response.status = static_cast<int>(status);
        curl_header* header = nullptr;
        while ((header = curl_easy_nextheader(easy, CURLH_HEADER, -1, header))) {
            response.headers.emplace_back(lower_case(header->name), header->value);
        }
    }

    static std::string describe(const Transfer& transfer, CURLcode code) {
        std::string text = "\"" + transfer.origin + "\": ";
        if (transfer.too_long) {
            return text + "the answer is longer than " + std::to_string(max_response_bytes) +
                   " bytes";
        }
        // libcurl may quote the proxy's URL, with the password in it. Of a timeout it counts
        // the milliseconds, so that whoever logs a reason once would log every one.
        bool quotable = transfer.request.proxy.find('@') == std::string::npos &&
                        code != CURLE_OPERATION_TIMEDOUT;
        std::string reason =
            quotable && transfer.error[0] ? transfer.error : curl_easy_strerror(code);
        bool acronym = reason.size() > 1 && reason[1] >= 'A' && reason[1] <= 'Z';
        if (!acronym) reason[0] = lower_case(reason.substr(0, 1))[0];
        return text + reason;
    }

    void finish(std::unique_ptr<Transfer> transfer, HttpFailure::Stage stage,
                std::string text) {
        transfer->result.failed = true;
        transfer->result.response = {};
        transfer->result.failure = {stage, std::move(text)};
        finished_.push_back(std::move(transfer));
    }

    // Destroyed in reverse order: handles before the multi and the share they use.
    ShareHandle share_;  // TLS sessions; the multi itself shares connections and names
    CurlSockets sockets_;
    MultiHandle multi_;
    Descriptor wakes_;                // an eventfd
    std::atomic<bool> woken_{false};  // and not yet looked
    EasyHandles handles_{share_.get(), momento_http_begin, momento_http_write};
    std::map<CURL*, std::unique_ptr<Transfer>> active_;
    std::deque<std::unique_ptr<Transfer>> waiting_;
    std::map<std::string, int> per_origin_;  // active transfers
    std::string last_url_;
    std::string last_origin_;
    std::vector<std::unique_ptr<Transfer>> finished_;
};

}  // namespace

const std::string* HttpResponse::header(std::string_view name) const {
    for (const auto& [header_name, value] : headers) {
        if (header_name == name) return &value;
    }
    return nullptr;
}

std::unique_ptr<HttpClient> make_curl_client() {
    return std::make_unique<CurlClient>();
}

}  // namespace momento
