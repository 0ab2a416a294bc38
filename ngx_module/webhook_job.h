// One webhook on its way into the spool: once it is judged, it is held back until its record
// is durable, or with `momento_webhook_ack delivered` on the bus.
//
//   Verification: waits for its verdict -> handed over -> settled [-> resolved]
//
// A record that was handed to the gateway is settled however long that takes, also when the
// request is long gone. Event loop only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/dead_reasons.h"
#include "gateway/engine.h"
#include "verification.h"

namespace momento {

class WebhookJob final : public Verification, public Waiter {
  public:
    // Takes over the reference to `r` that reading its body left. nullptr if there is no
    // memory.
    static std::unique_ptr<WebhookJob> attach(ngx_http_request_t* r, RequestState* state,
                                              RecordBuffer body, std::string trace_header);

    bool settled(bool durable, uint64_t sequence) override;
    void resolved(bool delivered) override;

  private:
    WebhookJob(RecordBuffer body, std::string trace_header);

    Next judged(Judgement& judgement, int64_t now_ms) override;
    void hand_over(std::unique_ptr<Verification>& self) override;
    void miss_deadline() override;
    void end() override;

    Next prepare(Judgement& judgement, int64_t now_ms);
    void settle_signature(bool durable);
    bool choose_destination(Judgement& judgement);
    void stop_waiting();

    std::string trace_header_;
    size_t destination_ = 0;
    std::optional<OwnReason> letter_;  // nothing: an event
    std::string named_;                // the destination that a letter is for
    ReplayZone* remembered_in_ = nullptr;
    uint64_t sequence_ = 0;  // it is durable, and this waits for its delivery
    bool missed_ = false;    // answered 503 while the record was under way
};

}  // namespace momento
