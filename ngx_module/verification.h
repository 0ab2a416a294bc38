// A request whose body is complete, on its way to a verdict.
//
//   in a turn  --matches a secret, or none will come-->  judged()
//     ^    |
//     |    +--a secret may come that matches-->  parked
//     +--one came--------------------------------|   |
//                                                    +--deadline-->  judged()
//
// Bodies that become complete in one turn of the event loop are matched together at its end.
// One that matches nothing is parked while its worker has no secret yet, or asks for newer
// ones: until the outcome, at most until momento_webhook_timeout, and as long as there is
// room. What a verdict means is said by who derives from this.
//
// On the heap, not in the request's pool: whoever derives from it may outlive the request.
// What ties the two together is undone from either side: the request ends (cleanup), or it is
// answered. Event loop only.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "answer.h"
#include "ingest/replay_table.h"
#include "ingest/verifier.h"
#include "loop_event.h"
#include "ngx.h"
#include "request_state.h"
#include "spool/record.h"

namespace momento {

class ReplayZone;
class Worker;
struct WorkerWebhook;

class Verification {
  public:
    virtual ~Verification();

    // What is to be matched before take_turn(), together with the claims of others. Without
    // a keyring if nobody listens any more, or this worker does not serve the location.
    Claim make_claim(Worker& worker);

    // Who has it after its turn.
    enum class Next {
        nobody,   // it is done
        worker,   // parked
        gateway,  // it is to be handed over
    };
    Next take_turn(const Claim& claim, int64_t now_ms);

    // After Next::gateway. Gives `self`, which is this, to it. If there is no memory for that,
    // std::bad_alloc: then it is the caller's still.
    virtual void hand_over(std::unique_ptr<Verification>& /*self*/) {}

    // Sends the answer to a request that still listens, and lets go of it.
    void answer(const Answer& answer);

    // While it is parked.
    bool waits_for_secret(size_t source) const;
    bool waits_for_signatures() const { return awaits_ == Awaited::signatures; }

  protected:
    explicit Verification(RecordBuffer body);

    // Takes over the reference to `r` that reading its body left. From here on somebody must
    // answer() or detach(); destroying this alone leaves the request open. False if there is
    // no memory: then `r` is the caller's still.
    bool attach(ngx_http_request_t* r, RequestState* state);

    // The verdict is there, for a request that listens. What `judgement` refers to ends with
    // the call. Comes again if check_replay() made it wait.
    virtual Next judged(Judgement& judgement, int64_t now_ms) = 0;

    // Its time is over, after it was judged.
    virtual void miss_deadline() = 0;

    // The request ended before it was answered. May destroy *this.
    virtual void end() = 0;

    // Undoes all ties. nullptr if there were none any more.
    ngx_http_request_t* detach();

    ngx_http_request_t* request() const { return request_; }  // nullptr: nobody listens
    RequestState& state() const { return *state_; }           // of a request that listens
    Worker& worker() const { return *worker_; }               // from the first turn on
    const WorkerWebhook& webhook() const { return *webhook_; }
    RecordBuffer& body() { return body_; }

    // Time left of momento_webhook_timeout, which runs from the request's first byte.
    int64_t remaining_ms() const;

    // From here on, until detach(), miss_deadline() will be called. A worker that is asked to
    // quit waits for it, and so for the answer.
    void start_deadline();

    // Answers with a refusal, of those that need nothing durable. Gives `nobody`.
    Next refuse(Verdict verdict, const char* why = "");

    // Asks the location's replay zone, for an authentic request.
    enum class Replay {
        first,    // or nobody asks here; in a zone it is reserved now, see take_reservation()
        waits,    // it is to be parked: the zone cannot say yet
        refused,  // a copy, or there is no room: it was answered
    };
    Replay check_replay(const Judgement& judgement, int64_t now_ms);

    // Whether a zone knows it already; leaves no trace.
    bool is_replay(int64_t now_ms) const;

    // The zone where it is reserved, if there is one: to be settled or withdrawn by whoever
    // takes it. What nobody took is withdrawn in the end.
    ReplayZone* take_reservation();
    const ReplayId& replay_id() const { return replay_id_; }  // once a zone was asked

  private:
    friend class Worker;

    static void request_ended(void* data);
    void run_deadline();
    bool must_wait(const Claim& claim);
    Next park();
    Replay wait_for_signatures();
    Replay refuse_copy(ReplayTable::State first);
    Judgement unmatched_judgement() const;

    ngx_http_request_t* request_ = nullptr;
    ngx_http_cleanup_t* cleanup_ = nullptr;
    RequestState* state_ = nullptr;  // the request's
    Worker* worker_ = nullptr;
    const WorkerWebhook* webhook_ = nullptr;
    RecordBuffer body_;
    LoopEvent deadline_;
    const int64_t since_us_;  // steady clock: what is asked later knows the secret it needs

    enum class Stage { in_turn, parked, judged };
    Stage stage_ = Stage::in_turn;
    std::list<std::unique_ptr<Verification>>::iterator place_;  // while parked: the worker's
    enum class Awaited { secret, signatures };
    Awaited awaits_ = Awaited::secret;
    Verdict unless_matched_ = Verdict::forged;  // what it is if no secret ever matches

    bool is_noted_ = false;  // counted as judged
    ReplayId replay_id_{};
    ReplayZone* reserved_in_ = nullptr;
    uint64_t reading_ = 0;  // of the spool, that tells what became of a dead process's copy
};

}  // namespace momento
