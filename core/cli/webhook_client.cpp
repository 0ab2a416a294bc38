#include "cli/webhook_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>

#include "base/json.h"
#include "base/read_file.h"

namespace momento::cli {

namespace {

constexpr size_t max_answer = 64 * 1024;       // bytes of an answer that are kept
constexpr size_t max_certificates = 4u << 20;  // bytes of a PEM file

struct CurlDelete {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
    void operator()(char* text) const { curl_free(text); }
};
template <class T>
using CurlPtr = std::unique_ptr<T, CurlDelete>;

Status check_url(const std::string& url) {
    CurlPtr<CURLU> parsed(curl_url());
    char* text = nullptr;
    if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
        curl_url_get(parsed.get(), CURLUPART_SCHEME, &text, 0) == CURLUE_OK) {
        CurlPtr<char> scheme(text);
        if (strcmp(text, "http") == 0 || strcmp(text, "https") == 0) return {};
    }
    return Error{"invalid URL \"" + url + "\", give one that starts with http:// or https://"};
}

size_t keep_answer(char* data, size_t, size_t size, void* body) {
    auto* kept = static_cast<std::string*>(body);
    kept->append(data, std::min(size, max_answer - kept->size()));
    return size;
}

size_t keep_date(char* data, size_t, size_t size, void* server_ms) {
    constexpr std::string_view name = "date:";
    const std::string line(data, size);
    if (line.size() > name.size() && strncasecmp(data, name.data(), name.size()) == 0) {
        const time_t date = curl_getdate(line.c_str() + name.size(), nullptr);
        if (date != -1) *static_cast<int64_t*>(server_ms) = int64_t{date} * 1'000;
    }
    return size;
}

std::string advice(CURLcode code) {
    if (code != CURLE_PEER_FAILED_VERIFICATION) return "";
    return "; trust the one who signed it with --cacert FILE, or any with --insecure";
}

}  // namespace

Result<std::string> encode_webhook(const WebhookEvent& event) {
    Json json = Json::object();
    auto set_text = [&json](const char* name, const std::string& text) {
        json.set(name, Json::string(text));
        return json.get(name).as_string() == text;
    };
    auto not_utf8 = [](const char* name) { return Error{std::string(name) + " is not UTF-8"}; };

    if (!set_text("cache", event.cache)) return not_utf8("cache");
    if (!set_text("topic", event.topic)) return not_utf8("topic");
    json.set("event_timestamp", Json::integer(event.event_timestamp));
    json.set("publish_timestamp", Json::integer(event.publish_timestamp));
    json.set("topic_sequence_number", Json::integer(event.sequence));
    if (!set_text("token_id", event.token_id)) return not_utf8("token id");
    if (!set_text("text", event.text)) return not_utf8("text");
    return json.dump();
}

struct WebhookClient::Transfer {
    CurlPtr<CURL> handle{curl_easy_init()};
    std::string_view unsent;
    char error[CURL_ERROR_SIZE] = "";

    static size_t send(char* to, size_t, size_t room, void* transfer) {
        std::string_view& unsent = static_cast<Transfer*>(transfer)->unsent;
        size_t size = unsent.copy(to, room);
        unsent.remove_prefix(size);
        return size;
    }
};

WebhookClient::WebhookClient(std::unique_ptr<Transfer> transfer)
    : transfer_(std::move(transfer)) {}
WebhookClient::WebhookClient(WebhookClient&&) noexcept = default;
WebhookClient& WebhookClient::operator=(WebhookClient&&) noexcept = default;
WebhookClient::~WebhookClient() = default;

Result<WebhookClient> WebhookClient::create(const Settings& settings) {
    if (Status status = check_url(settings.url); !status) return status.error();

    auto transfer = std::make_unique<Transfer>();
    CURL* handle = transfer->handle.get();
    if (handle == nullptr) return Error{"cannot start libcurl"};
    curl_easy_setopt(handle, CURLOPT_URL, settings.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROXY, "");  // whatever the environment says
    curl_easy_setopt(handle, CURLOPT_USERAGENT, momento_user_agent);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, momento_timeout_ms);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, keep_answer);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, keep_date);
    if (!settings.trusted_certificate.empty()) {
        Result<std::string> pem = read_file(settings.trusted_certificate, max_certificates);
        if (!pem) return pem.error();
        curl_blob blob{pem->data(), pem->size(), CURL_BLOB_COPY};
        curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
    }
    if (!settings.verify_certificate) {
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    }

    // A body that is read once and cannot be rewound: libcurl then fails where it would
    // silently send the request again on a new connection. Momento tries once.
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_READFUNCTION, Transfer::send);
    curl_easy_setopt(handle, CURLOPT_READDATA, transfer.get());
    return WebhookClient(std::move(transfer));
}

WebhookAnswer WebhookClient::post(const std::string& body, const Mac& mac) {
    CURL* handle = transfer_->handle.get();
    transfer_->unsent = body;
    transfer_->error[0] = '\0';

    // Momento's Content-Type is not documented. `Expect:` keeps libcurl from asking first.
    std::string signature = "Momento-Signature: " + format_signature(mac);
    CurlPtr<curl_slist> headers(curl_slist_append(nullptr, "Content-Type: application/json"));
    curl_slist_append(headers.get(), "Expect:");
    curl_slist_append(headers.get(), signature.c_str());

    WebhookAnswer answer;
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &answer.server_ms);
    CURLcode code = curl_easy_perform(handle);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, nullptr);
    if (code == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
        answer.status = static_cast<int>(status);
    } else {
        answer.error = *transfer_->error ? transfer_->error : curl_easy_strerror(code);
        answer.error += advice(code);
    }
    return answer;
}

}  // namespace momento::cli
