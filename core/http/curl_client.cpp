#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <deque>
#include <map>
#include <new>

#include "base/ascii.h"
#include "http/client.h"
#include "http/url.h"

// CURLOPT_QUICK_EXIT: without it a transfer that ends while its name is being resolved
// waits for the resolver.
static_assert(LIBCURL_VERSION_NUM >= 0x075700, "libcurl 7.87 or later is needed");

namespace momento {
namespace {

// An idle connection older than this is not used again: servers drop idle ones early, and
// a request that meets such a close has an unknown outcome.
constexpr long max_idle_s = 20;
// Afterwards a new connection, so that changes in DNS are followed under steady load.
constexpr long max_lifetime_s = 300;
// Kept for reuse when no request needs them, all hosts together.
constexpr long max_idle_connections = 256;

template <auto cleanup>
struct Cleanup {
    template <class T>
    void operator()(T* handle) const {
        cleanup(handle);
    }
};

using EasyHandle = std::unique_ptr<CURL, Cleanup<curl_easy_cleanup>>;
using MultiHandle = std::unique_ptr<CURLM, Cleanup<curl_multi_cleanup>>;
using ShareHandle = std::unique_ptr<CURLSH, Cleanup<curl_share_cleanup>>;
using HeaderList = std::unique_ptr<curl_slist, Cleanup<curl_slist_free_all>>;

struct Transfer {
    HttpRequest request;
    HttpClient::Done done;
    std::string origin;
    HeaderList headers;
    size_t sent = 0;  // of the body, handed to libcurl
    HttpResult result;
    bool too_long = false;
    char error[CURL_ERROR_SIZE] = "";
    EasyHandle easy;  // last, because it points to the others
};

// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    for (char c : text) {
        bool fits = is_alphanumeric(c) || marks.find(c) != marks.npos;
        if (!fits) return false;
    }
    return !text.empty();
}

bool has_control_character(std::string_view text) {
    for (unsigned char c : text) {
        if ((c < ' ' && c != '\t') || c == 0x7f) return true;
    }
    return false;
}

// A header value could otherwise smuggle in a header, or a whole request.
Status check_request(const HttpRequest& request) {
    if (!is_token(request.method)) {
        return Error{"\"" + request.method + "\" is not an HTTP method"};
    }
    for (const auto& [name, value] : request.headers) {
        if (!is_token(name)) return Error{"a header's name is malformed"};
        if (has_control_character(value)) {
            return Error{"the value of header \"" + name + "\" holds a control character"};
        }
    }
    return {};
}

void append(HeaderList& list, const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());  // copies the line
    if (!longer) throw std::bad_alloc();
    (void)list.release();
    list.reset(longer);
}

// In libcurl's syntax: "name: value", "name;" for an empty value, "name:" to leave a header
// of its own out.
HeaderList header_lines(const HttpRequest& request) {
    HeaderList list;
    // "Expect" would cost up to a second on large bodies; the others nobody asked for.
    for (std::string own : {"accept", "content-type", "expect"}) {
        bool given = std::any_of(request.headers.begin(), request.headers.end(),
                                 [&](const auto& h) { return lower_case(h.first) == own; });
        if (!given) append(list, own + ':');
    }
    for (const auto& [name, value] : request.headers) {
        bool blank = value.find_first_not_of(" \t") == value.npos;
        append(list, blank ? name + ';' : name + ": " + value);
    }
    return list;
}

extern "C" size_t momento_http_read(char* buffer, size_t size, size_t count, void* user) {
    auto* transfer = static_cast<Transfer*>(user);
    size_t copied = transfer->request.body.copy(buffer, size * count, transfer->sent);
    transfer->sent += copied;
    return copied;
}

// Refuses to send a body again. When a reused connection dies before the answer, libcurl
// would silently repeat the request although the server may have acted on it; the caller
// must know of every repetition.
extern "C" int momento_http_seek(void*, curl_off_t, int) {
    return CURL_SEEKFUNC_FAIL;
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
    CurlClient() : share_(curl_share_init()), multi_(curl_multi_init()) {
        if (!share_ || !multi_) throw std::bad_alloc();
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
        Result<Url> url = parse_url(transfer->request.url);
        if (status && !url) status = url.error();
        if (!status) {
            finish(std::move(transfer), HttpFailure::Stage::before_send, status.error().text);
            return;
        }
        transfer->origin = url->origin();
        waiting_.push_back(std::move(transfer));
        admit();
    }

    void run(int64_t timeout_ms) override {
        perform();
        if (finished_.empty() && timeout_ms > 0) {
            int wait = static_cast<int>(std::min<int64_t>(timeout_ms, INT_MAX));
            curl_multi_poll(multi_.get(), nullptr, 0, wait, nullptr);
            woken_.exchange(false, std::memory_order_acq_rel);
            perform();
        }
        // Callbacks start and cancel transfers: what they finish is for the next run.
        std::vector<std::unique_ptr<Transfer>> finished;
        finished.swap(finished_);
        for (auto& transfer : finished) transfer->done(std::move(transfer->result));
    }

    // One system call however often it is woken before it looks: what was posted before the
    // flag is taken back is seen after that.
    void wake() override {
        if (!woken_.exchange(true, std::memory_order_acq_rel)) curl_multi_wakeup(multi_.get());
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
        transfer->easy = take_handle();
        CURL* easy = transfer->easy.get();
        CURLcode code = configure(easy, *transfer);
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

    EasyHandle take_handle() {
        EasyHandle easy;
        if (idle_.empty()) {
            easy.reset(curl_easy_init());
            if (!easy) throw std::bad_alloc();
            curl_easy_setopt(easy.get(), CURLOPT_SHARE, share_.get());
        } else {
            easy = std::move(idle_.back());
            idle_.pop_back();
        }
        return easy;
    }

    void retire(Transfer& transfer) {
        curl_multi_remove_handle(multi_.get(), transfer.easy.get());
        curl_easy_reset(transfer.easy.get());  // keeps the share
        idle_.push_back(std::move(transfer.easy));
    }

    static CURLcode configure(CURL* easy, Transfer& transfer) {
        const HttpRequest& request = transfer.request;
        transfer.headers = header_lines(request);

        CURLcode code = CURLE_OK;
        auto set = [&](CURLoption option, auto value) {
            if (code == CURLE_OK) code = curl_easy_setopt(easy, option, value);
        };
        set(CURLOPT_ERRORBUFFER, transfer.error);
        set(CURLOPT_URL, request.url.c_str());
        set(CURLOPT_PROTOCOLS_STR, "http,https");
        set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
        set(CURLOPT_HTTPHEADER, transfer.headers.get());

        if (request.method == "GET" && request.body.empty()) {
            set(CURLOPT_HTTPGET, 1L);
        } else {
            set(CURLOPT_POST, 1L);
            set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
            set(CURLOPT_READFUNCTION, momento_http_read);
            set(CURLOPT_READDATA, &transfer);
            set(CURLOPT_SEEKFUNCTION, momento_http_seek);
        }
        set(CURLOPT_WRITEFUNCTION, momento_http_write);
        set(CURLOPT_WRITEDATA, &transfer);

        set(CURLOPT_NOSIGNAL, 1L);
        set(CURLOPT_QUICK_EXIT, 1L);
        set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout_ms));
        set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_timeout_ms));
        set(CURLOPT_TCP_NODELAY, 1L);
        set(CURLOPT_MAXAGE_CONN, max_idle_s);
        set(CURLOPT_MAXLIFETIME_CONN, max_lifetime_s);

        // Empty strings, not nullptr: these keep libcurl from asking the environment.
        set(CURLOPT_PROXY, request.proxy.c_str());
        set(CURLOPT_NOPROXY, "");
        // A tunnelling proxy must not see our headers, credentials among them.
        set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

        set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
        if (!request.trusted_certificate.empty()) {
            set(CURLOPT_CAINFO, request.trusted_certificate.c_str());
            set(CURLOPT_CAPATH, static_cast<char*>(nullptr));  // nobody else is trusted
        }
        return code;
    }

    void perform() {
        admit();
        int running;
        curl_multi_perform(multi_.get(), &running);
        int left;
        while (CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
            if (message->msg == CURLMSG_DONE) {
                complete(message->easy_handle, message->data.result);
            }
        }
        admit();
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
        // Set once the request's headers are written; a tunnel's do not count.
        curl_off_t pretransfer_us = 0;
        curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &pretransfer_us);
        bool seen = pretransfer_us > 0 || transfer->sent > 0;
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
    MultiHandle multi_;
    std::atomic<bool> woken_{false};  // and not yet looked
    std::vector<EasyHandle> idle_;
    std::map<CURL*, std::unique_ptr<Transfer>> active_;
    std::deque<std::unique_ptr<Transfer>> waiting_;
    std::map<std::string, int> per_origin_;  // active transfers
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
