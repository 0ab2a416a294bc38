// Posts webhooks the way Momento does: one attempt, 5 seconds, the connection kept.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "ingest/signature.h"

namespace momento::cli {

// Momento's documentation until 2025-04, "Webhooks: overview", "Webhooks: security".
inline constexpr char momento_user_agent[] =
    "Momento/1.0 (Webhooks; +https://docs.momentohq.com/topics/webhooks)";
inline constexpr long momento_timeout_ms = 5'000;

// One event's members, in the order in which Momento writes them.
struct WebhookEvent {
    std::string cache;
    std::string topic;
    int64_t event_timestamp = 0;    // ms since the epoch
    int64_t publish_timestamp = 0;  // ms since the epoch
    int64_t sequence = 0;
    std::string token_id;
    std::string text;
};

// The body as Momento writes it: compact, UTF-8 as it is. An error if a member is not UTF-8.
Result<std::string> encode_webhook(const WebhookEvent& event);

struct WebhookAnswer {
    int status = 0;  // 0: none came
    std::string body;
    std::string error;      // why none came, and what to do
    int64_t server_ms = 0;  // what its Date says, since the epoch; 0: nothing
};

class WebhookClient {
  public:
    struct Settings {
        std::string url;
        std::string trusted_certificate{};  // PEM file; empty: the system's
        bool verify_certificate = true;
    };

    // An error if the URL or the certificate file cannot be used.
    static Result<WebhookClient> create(const Settings& settings);

    WebhookClient(WebhookClient&&) noexcept;
    WebhookClient& operator=(WebhookClient&&) noexcept;
    ~WebhookClient();

    WebhookAnswer post(const std::string& body, const Mac& mac);

  private:
    struct Transfer;
    explicit WebhookClient(std::unique_ptr<Transfer> transfer);
    std::unique_ptr<Transfer> transfer_;
};

}  // namespace momento::cli
