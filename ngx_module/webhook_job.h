// One webhook whose body is complete: waits for its turn, is judged, and is held back until
// its record is durable.
//
// On the heap, not in the request's pool: a record that was handed to the gateway is
// settled however long that takes, also when the request is long gone. What ties the two
// together is undone from either side: the request ends (cleanup), the answer is sent, or
// the deadline passes. Event loop only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "answer.h"
#include "gateway/engine.h"
#include "ingest/verifier.h"
#include "loop_event.h"
#include "ngx.h"
#include "request_state.h"
#include "spool/record.h"

namespace momento {

class Worker;
struct WorkerWebhook;

class WebhookJob final : public Waiter {
  public:
    // Takes over the reference to `r` that reading its body left. From here on somebody
    // must answer(), settle or destroy the job; destroying it alone leaves the request open.
    // nullptr if there is no memory.
    static std::unique_ptr<WebhookJob> attach(ngx_http_request_t* r, RequestState* state,
                                              RecordBuffer body, std::string trace_header);
    ~WebhookJob() override;

    // What is to be matched before take_turn(), together with the claims of other jobs.
    // Without a keyring if nobody listens any more, or no secret could be prepared.
    Claim make_claim(Worker& worker) const;

    // Judges and, if the verdict says so, hands the record to the gateway: true if the job
    // now belongs to it (until settled()), false if it is done.
    bool take_turn(Worker& worker, const Claim& claim, int64_t now_ms);

    bool settled(bool durable, uint64_t sequence) override;
    void resolved(bool delivered) override;

    // Sends the answer to a request that still listens, and lets go of it.
    void answer(const Answer& answer);

  private:
    WebhookJob(ngx_http_request_t* r, RequestState* state, RecordBuffer body,
               std::string trace_header);

    static void request_ended(void* data);
    ngx_http_request_t* detach();
    void stop_waiting();
    void miss_deadline();
    int64_t remaining_ms() const;

    void refuse(Verdict verdict, const std::string& reason);
    bool overload(const char* why);
    bool hand_over(Worker& worker, const WorkerWebhook& webhook, Judgement& judgement,
                   int64_t now_ms);
    bool choose_destination(const WorkerWebhook& webhook, Judgement& judgement);

    ngx_http_request_t* request_;
    ngx_http_cleanup_t* cleanup_ = nullptr;
    RequestState* state_;  // the request's
    Worker* worker_ = nullptr;
    RecordBuffer record_;
    std::string trace_header_;
    LoopEvent deadline_;
    size_t destination_ = 0;
    std::string letter_;     // the reason code; empty: an event
    std::string named_;      // the destination that a letter is for
    uint64_t sequence_ = 0;  // it is durable, and this waits for its delivery
    bool missed_ = false;    // answered 503 while the record was under way
};

}  // namespace momento
