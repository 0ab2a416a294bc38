#include "http/client.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <deque>
#include <new>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/doorbell.h"
#include "http/connector.h"
#include "http/exchange.h"
#include "http/poller.h"
#include "http/request_head.h"
#include "http/url.h"

namespace momento {
namespace {

constexpr int64_t second_us = 1'000'000;

// An idle connection older than this is not used again: servers drop idle ones early, and
// a request that meets such a close has an unknown outcome.
constexpr int64_t max_idle_us = 20 * second_us;
// Afterwards a new connection, so that changes in DNS are followed under steady load.
constexpr int64_t max_lifetime_us = 300 * second_us;
constexpr int64_t sweep_interval_us = second_us;
constexpr int few_turns = 8;  // in quick succession: no load yet

using ExchangePtr = std::unique_ptr<Exchange>;
using Progress = Exchange::Progress;
using Stage = HttpFailure::Stage;

class Client;
struct Pool;

// A connection and the exchange it is busy with.
class Session final : private Connection::Listener {
  public:
    Session(Client& client, Pool& pool) : client_(client), pool_(pool) {}

    Status open(Connector& connector, const Route& route);
    void begin(ExchangePtr exchange);
    bool is_usable(int64_t now_us);  // an idle one
    ExchangePtr take_exchange() { return std::move(exchange_); }

    const Exchange* exchange() const { return exchange_.get(); }
    Pool& pool() { return pool_; }
    int64_t idle_since_us() const { return idle_since_us_; }
    void rest(int64_t now_us) { idle_since_us_ = now_us; }
    bool has_served() const { return idle_since_us_ != 0; }

  private:
    void opened() override;
    void failed(std::string why, bool is_setup) override;
    void ready(bool readable) override;
    bool is_quiet();
    void settle(Progress progress);

    Client& client_;
    Pool& pool_;
    std::unique_ptr<Connection> connection_;
    ExchangePtr exchange_;  // nullptr: idle
    bool is_open_ = false;
    int64_t opened_us_ = 0;
    int64_t idle_since_us_ = 0;
};

// The connections of one route, and what waits for one.
struct Pool {
    Route route;
    std::vector<std::unique_ptr<Session>> sessions;
    std::vector<Session*> idle;  // the last one used last: few stay warm, the rest may go
    std::deque<ExchangePtr> waiting;
    bool has_answered = false;  // somebody there speaks HTTP
};

// Where a request goes.
struct Target {
    std::string text;  // its URL
    Url url;
    Pool* pool = nullptr;
};

class Client final : public HttpClient, private Poller::Listener {
  public:
    Client() : bell_(Descriptor(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))) {
        const int descriptor = bell_.descriptor();
        if (descriptor == -1 || !poller_.watch(descriptor, EPOLLIN, *this)) {
            throw std::bad_alloc();
        }
    }

    void start(HttpRequest request, Done done) override {
        Status status = check_request(request);
        if (status) status = find_target(request);
        if (!status) {
            finish(make_exchange(std::move(request), {}, std::move(done)), Stage::before_send,
                   status.error().text);
            return;
        }
        const Url& url = target_.url;
        Pool& pool = *target_.pool;
        const bool asks_proxy = !request.proxy.empty() && url.scheme == "http";
        std::string head = request_head(request, url, asks_proxy);
        pool.waiting.push_back(
            make_exchange(std::move(request), std::move(head), std::move(done)));
        ++waiting_;
        admit(pool);
    }

    void run(int64_t timeout_ms) override {
        int64_t now_us = system_clock().steady_us();
        connector_.act_on_timer();
        if (now_us >= next_deadline_us_) {
            poller_.wait(0);  // answers that are there already are not late
            end_overdue(now_us);
        }
        if (now_us >= next_sweep_us_) sweep(now_us);
        if (finished_.empty()) {
            if (timeout_ms > 0 && is_busy(now_us)) {
                usleep(static_cast<useconds_t>(gather_us_));
                now_us = system_clock().steady_us();
            }
            const bool may_sleep = bell_.fall_asleep();
            poller_.wait(may_sleep ? bounded_wait_ms(timeout_ms, now_us) : 0);
            bell_.answer();  // whoever calls run() looks after it
            connector_.act_on_timer();
        }
        // Callbacks start and cancel requests: what they finish is for the next run.
        std::vector<ExchangePtr> finished;
        finished.swap(finished_);
        for (const ExchangePtr& exchange : finished) exchange->finish();
    }

    void gather_answers(int64_t us) override { gather_us_ = us; }

    void wake() override { bell_.ring(); }

    void cancel_all() override {
        for (const auto& pool : pools_) {
            for (ExchangePtr& exchange : pool->waiting) {
                finish(std::move(exchange), Stage::cancelled, "cancelled");
            }
            waiting_ -= pool->waiting.size();
            pool->waiting.clear();
            for (size_t i = pool->sessions.size(); i-- > 0;) {
                Session& session = *pool->sessions[i];
                if (!session.exchange()) continue;
                finish(session.take_exchange(), Stage::cancelled, "cancelled");
                --active_;
                close(session);
            }
        }
    }

    size_t in_flight() const override { return active_ + waiting_ + finished_.size(); }

    // --- for sessions, which may be gone when these return

    void end(Session& session, Progress progress) {
        ExchangePtr exchange = session.take_exchange();
        --active_;
        const bool keeps = progress == Progress::answered && exchange->may_keep_connection();
        if (progress == Progress::answered) session.pool().has_answered = true;
        if (progress == Progress::failed && exchange->is_untouched() && session.has_served()) {
            // A kept connection that ended just now says nothing about the server.
            session.pool().waiting.push_front(std::move(exchange));
            ++waiting_;
        } else if (progress == Progress::failed) {
            const Stage stage = exchange->stage();
            std::string text = exchange->trouble();
            const bool wants_tls = speaks_tls(session.pool(), *exchange);
            if (wants_tls) text += ": is it https?";
            fail(session.pool(), std::move(exchange), stage, text, wants_tls);
        } else {
            finish(std::move(exchange));
        }
        make_free(session, keeps);
    }

    void end_unopened(Session& session, const std::string& why, bool is_setup) {
        --active_;
        fail(session.pool(), session.take_exchange(), Stage::before_send, why, is_setup);
        make_free(session, false);
    }

    void close(Session& session) {
        Pool& pool = session.pool();
        const auto idle = std::find(pool.idle.begin(), pool.idle.end(), &session);
        if (idle != pool.idle.end()) pool.idle.erase(idle);
        const auto owner =
            std::find_if(pool.sessions.begin(), pool.sessions.end(),
                         [&](const auto& each) { return each.get() == &session; });
        std::swap(*owner, pool.sessions.back());
        pool.sessions.pop_back();
    }

  private:
    ExchangePtr make_exchange(HttpRequest request, std::string head, Done done) {
        return std::make_unique<Exchange>(std::move(request), std::move(head), std::move(done),
                                          scratch_);
    }

    // Most requests go where the last one went.
    Status find_target(const HttpRequest& request) {
        const bool is_last = target_.pool != nullptr && target_.text == request.url &&
                             target_.pool->route.fits(request);
        if (is_last) return {};
        Result<Url> url = parse_url(request.url);
        if (!url) return url.error();
        target_ = {request.url, *std::move(url), nullptr};
        const std::string origin = target_.url.origin();
        const auto found = std::find_if(pools_.begin(), pools_.end(), [&](const auto& pool) {
            return pool->route.origin == origin && pool->route.fits(request);
        });
        if (found == pools_.end()) {
            pools_.push_back(std::make_unique<Pool>());
            pools_.back()->route = {origin, request.proxy, request.trusted_certificate,
                                    request.connect_timeout_ms,
                                    std::max(request.max_connections, 1)};
            target_.pool = pools_.back().get();
        } else {
            target_.pool = found->get();
        }
        return {};
    }

    // Starts what has waited for a connection, as far as the limit allows.
    void admit(Pool& pool) {
        while (!pool.waiting.empty()) {
            const int64_t now_us = system_clock().steady_us();
            Session* session = find_idle(pool, now_us);
            if (session == nullptr) {
                const auto limit = static_cast<size_t>(pool.route.max_connections);
                if (pool.sessions.size() >= limit) return;
                session = open_session(pool);
                if (session == nullptr) continue;
            }
            begin(*session, take_waiting(pool), now_us);
        }
    }

    ExchangePtr take_waiting(Pool& pool) {
        ExchangePtr exchange = std::move(pool.waiting.front());
        pool.waiting.pop_front();
        --waiting_;
        return exchange;
    }

    Session* find_idle(Pool& pool, int64_t now_us) {
        while (!pool.idle.empty()) {
            Session* session = pool.idle.back();
            if (session->is_usable(now_us)) {
                pool.idle.pop_back();
                return session;
            }
            close(*session);
        }
        return nullptr;
    }

    // nullptr: the request that waits first has failed by it.
    Session* open_session(Pool& pool) {
        auto session = std::make_unique<Session>(*this, pool);
        const Status opening = session->open(connector_, pool.route);
        if (!opening) {
            fail(pool, take_waiting(pool), Stage::before_send, opening.error().text);
            return nullptr;
        }
        pool.sessions.push_back(std::move(session));
        return pool.sessions.back().get();
    }

    void begin(Session& session, ExchangePtr exchange, int64_t now_us) {
        exchange->started_us = now_us;
        exchange->deadline_us = now_us + exchange->request().total_timeout_ms * 1000;
        next_deadline_us_ = std::min(next_deadline_us_, exchange->deadline_us);
        ++active_;
        session.begin(std::move(exchange));
    }

    void make_free(Session& session, bool keeps) {
        Pool& pool = session.pool();
        if (keeps) {
            session.rest(system_clock().steady_us());
            pool.idle.push_back(&session);
        } else {
            close(session);
        }
        admit(pool);
    }

    // Asked in plain HTTP, servers of TLS answer with an alert, or just end the connection.
    static bool speaks_tls(const Pool& pool, const Exchange& exchange) {
        if (pool.route.origin.compare(0, 6, "https:") == 0 || pool.has_answered) return false;
        return exchange.is_answered_in_tls() || exchange.is_unanswered();
    }

    void fail(const Pool& pool, ExchangePtr exchange, Stage stage, const std::string& why,
              bool is_setup = false) {
        finish(std::move(exchange), stage, '"' + pool.route.origin + "\": " + why, is_setup);
    }

    void finish(ExchangePtr exchange, Stage stage, std::string text, bool is_setup = false) {
        exchange->fail(stage, std::move(text), is_setup);
        finish(std::move(exchange));
    }

    void finish(ExchangePtr exchange) {
        if (exchange->started_us != 0) {
            exchange->result().elapsed_us = system_clock().steady_us() - exchange->started_us;
        }
        finished_.push_back(std::move(exchange));
    }

    void end_overdue(int64_t now_us) {
        next_deadline_us_ = never_us;
        std::vector<Session*> overdue;
        for (const auto& pool : pools_) {
            for (const auto& session : pool->sessions) {
                const Exchange* exchange = session->exchange();
                if (exchange == nullptr) continue;
                if (exchange->deadline_us <= now_us) {
                    overdue.push_back(session.get());
                } else {
                    next_deadline_us_ = std::min(next_deadline_us_, exchange->deadline_us);
                }
            }
        }
        for (Session* session : overdue) {
            const Stage stage = session->exchange()->stage();
            fail(session->pool(), session->take_exchange(), stage, "timeout was reached");
            --active_;
            make_free(*session, false);
        }
    }

    void sweep(int64_t now_us) {
        next_sweep_us_ = now_us + sweep_interval_us;
        for (const auto& pool : pools_) {
            for (size_t i = pool->idle.size(); i-- > 0;) {
                Session& session = *pool->idle[i];
                if (now_us - session.idle_since_us() > max_idle_us) close(session);
            }
        }
    }

    // Whether it would be woken again and again. A few turns in quick succession may be all
    // there is, and their answers are not kept waiting.
    bool is_busy(int64_t now_us) {
        const bool is_soon = now_us - last_turn_us_ < 2 * gather_us_;
        last_turn_us_ = now_us;
        turns_in_a_row_ = is_soon ? turns_in_a_row_ + 1 : 0;
        return active_ > 0 && turns_in_a_row_ > few_turns;
    }

    // Rounded up: a timer that is not due yet must not be polled for.
    int bounded_wait_ms(int64_t timeout_ms, int64_t now_us) const {
        const int64_t due_us = std::min(connector_.due_us(), next_deadline_us_);
        timeout_ms = std::clamp<int64_t>(timeout_ms, 0, INT_MAX);
        if (due_us == never_us) return static_cast<int>(timeout_ms);
        const int64_t left_us = std::max<int64_t>(due_us - now_us, 0);
        return static_cast<int>(std::min(timeout_ms, (left_us + 999) / 1000));
    }

    // Somebody called wake().
    void ready(int, uint32_t) override { bell_.silence(); }

    Exchange::Scratch scratch_;
    Poller poller_;
    Doorbell bell_;
    Connector connector_{poller_};
    std::vector<std::unique_ptr<Pool>> pools_;
    Target target_;
    size_t active_ = 0;
    size_t waiting_ = 0;
    int64_t next_deadline_us_ = never_us;  // or earlier
    int64_t next_sweep_us_ = 0;
    int64_t gather_us_ = 0;
    int64_t last_turn_us_ = 0;
    int turns_in_a_row_ = 0;
    std::vector<ExchangePtr> finished_;
};

Status Session::open(Connector& connector, const Route& route) {
    auto connection = connector.open(route, *this);
    if (!connection) return connection.error();
    connection_ = std::move(*connection);
    return {};
}

void Session::begin(ExchangePtr exchange) {
    exchange_ = std::move(exchange);
    if (is_open_) settle(exchange_->send(*connection_));
}

bool Session::is_usable(int64_t now_us) {
    if (now_us - opened_us_ > max_lifetime_us) return false;
    return now_us - idle_since_us_ <= max_idle_us && is_quiet();
}

// Between two answers TLS may have something to say, but HTTP has not: whatever is there is the
// connection's end, or would be taken for the next answer.
bool Session::is_quiet() {
    char byte;
    size_t received = 0;
    return connection_->receive(&byte, 1, received) == Connection::Io::blocked;
}

void Session::opened() {
    is_open_ = true;
    opened_us_ = system_clock().steady_us();
    settle(exchange_->send(*connection_));
}

void Session::failed(std::string why, bool is_setup) {
    client_.end_unopened(*this, why, is_setup);
}

void Session::ready(bool readable) {
    if (exchange_ == nullptr) {
        if (!is_quiet()) client_.close(*this);
        return;
    }
    Progress progress = exchange_->send(*connection_);
    if (progress == Progress::waiting && readable) progress = exchange_->receive(*connection_);
    settle(progress);
}

void Session::settle(Progress progress) {
    if (progress != Progress::waiting) client_.end(*this, progress);
}

}  // namespace

const std::string* HttpResponse::header(std::string_view name) const {
    for (const auto& [header_name, value] : headers) {
        if (header_name == name) return &value;
    }
    return nullptr;
}

std::unique_ptr<HttpClient> make_http_client() {
    return std::make_unique<Client>();
}

}  // namespace momento
