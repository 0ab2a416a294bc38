#include "network.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

namespace momento::sim {
namespace {

constexpr int64_t ms = 1000;                     // in microseconds
constexpr int64_t most_skew_ms = 5 * 60 * 1000;  // Signature Version 4

// The JSON string that starts at `at`, behind its quote; `at` moves behind its end.
std::string unescape(std::string_view json, size_t& at) {
    std::string text;
    while (at < json.size() && json[at] != '"') {
        if (json[at] != '\\') {
            text += json[at++];
            continue;
        }
        const char kind = json[at + 1];
        at += 2;
        switch (kind) {
            case 'n':
                text += '\n';
                break;
            case 'r':
                text += '\r';
                break;
            case 't':
                text += '\t';
                break;
            case 'b':
                text += '\b';
                break;
            case 'f':
                text += '\f';
                break;
            case 'u':  // control characters only
                text += static_cast<char>(
                    std::strtol(std::string(json.substr(at, 4)).c_str(), nullptr, 16));
                at += 4;
                break;
            default:
                text += kind;
        }
    }
    ++at;
    return text;
}

// The string member `name` of the entry that starts at `at`.
std::string member(std::string_view json, const char* name, size_t& at) {
    const std::string start = std::string("\"") + name + "\":\"";
    const size_t found = json.find(start, at);
    if (found == std::string_view::npos) return {};
    at = found + start.size();
    return unescape(json, at);
}

std::string http_date(int64_t true_ms) {
    const std::time_t seconds = true_ms / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[40];
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text;
}

// X-Amz-Date
int64_t parse_basic_date(const std::string& text) {
    std::tm parts{};
    if (strptime(text.c_str(), "%Y%m%dT%H%M%SZ", &parts) == nullptr) return 0;
    return static_cast<int64_t>(timegm(&parts)) * 1000;
}

Mishap mishap_of(Course course) {
    switch (course) {
        case Course::slow:
            return Mishap::slow_answer;
        case Course::not_connected:
            return Mishap::not_connected;
        case Course::connect_timeout:
            return Mishap::connect_timeout;
        case Course::lost_unseen:
            return Mishap::lost_unseen;
        case Course::lost_published:
            return Mishap::lost_published;
        case Course::reset_unseen:
            return Mishap::reset_unseen;
        case Course::reset_published:
            return Mishap::reset_published;
        case Course::server_error_unseen:
            return Mishap::server_error_unseen;
        case Course::server_error_published:
            return Mishap::server_error_published;
        case Course::cut_answer:
            return Mishap::cut_answer;
        case Course::throttled:
            return Mishap::request_throttled;
        case Course::forbidden:
            return Mishap::request_forbidden;
        case Course::good:
        case Course::count:
            break;
    }
    return Mishap::count;
}

}  // namespace

Course SimNetwork::draw() {
    if (weather.courses.empty() || !stage_.chance.coin(weather.trouble)) return Course::good;
    const Course course = stage_.chance.pick(weather.courses);
    if (course != Course::good) stage_.hit(mishap_of(course));
    return course;
}

void SimNetwork::send(const TransferPtr& transfer) {
    transfer->course = draw();
    if (transfer->course != Course::good) {
        stage_.tell(transfer->client->process_ +
                    " sends a request: " + name(mishap_of(transfer->course)));
    }
    const int64_t there_us = stage_.chance.between(100, 15 * ms);
    switch (transfer->course) {
        case Course::not_connected:
            fail(*transfer, HttpFailure::Stage::before_send, there_us, "connection refused");
            return;
        case Course::connect_timeout:
            fail(*transfer, HttpFailure::Stage::before_send,
                 transfer->request.connect_timeout_ms * ms, "connecting took too long");
            return;
        case Course::lost_unseen:
            fail(*transfer, HttpFailure::Stage::after_send,
                 transfer->request.total_timeout_ms * ms, "no answer");
            return;
        default:
            stage_.at(stage_.now() + there_us, [this, transfer] { arrive(transfer); });
    }
}

void SimNetwork::arrive(const TransferPtr& transfer) {
    Chance& chance = stage_.chance;
    if (transfer->client == nullptr && chance.coin(0.5)) return;
    const int64_t back_us = chance.between(100, 20 * ms);
    switch (transfer->course) {
        case Course::reset_unseen:
            fail(*transfer, HttpFailure::Stage::after_send, back_us, "connection reset");
            return;
        case Course::server_error_unseen:
            respond_error(*transfer, chance.one_in(2) ? 500 : 503, "");
            break;
        case Course::throttled:
            respond_error(*transfer, chance.one_in(2) ? 400 : 429, "ThrottlingException");
            break;
        case Course::forbidden:
            respond_error(*transfer, 400,
                          chance.one_in(2) ? "AccessDeniedException" : "ExpiredTokenException");
            break;
        default:
            take(*transfer);
    }
    switch (transfer->course) {
        case Course::lost_published:
            return;  // its client gives up
        case Course::reset_published:
            fail(*transfer, HttpFailure::Stage::after_send, back_us, "connection reset");
            return;
        case Course::server_error_published:
            respond_error(*transfer, 503, "");
            break;
        case Course::cut_answer:
            transfer->result.response.body.resize(transfer->result.response.body.size() / 2);
            break;
        default:
            break;
    }
    answer(*transfer,
           transfer->course == Course::slow ? chance.between(200 * ms, 12'000 * ms) : back_us);
}

void SimNetwork::answer(Transfer& transfer, int64_t delay_us) {
    transfer.settles_us = std::min(transfer.settles_us, stage_.now() + delay_us);
    if (stage_.now() + delay_us > transfer.settles_us) return;  // it will have given up
    transfer.result.failed = false;
}

void SimNetwork::fail(Transfer& transfer, HttpFailure::Stage stage, int64_t delay_us,
                      const char* text) {
    transfer.settles_us = std::min(transfer.settles_us, stage_.now() + delay_us);
    transfer.result.failed = true;
    transfer.result.failure = {stage, text};
}

// What the bus does with a request that it has read.
void SimNetwork::take(Transfer& transfer) {
    if (transfer.client == nullptr) stage_.hit(Mishap::arrived_late);
    if (refuse_signature(transfer)) return;
    bool forbidden = false;
    std::string answers = take_entries(transfer, forbidden);
    if (forbidden) {
        respond_error(transfer, 400, "AccessDeniedException");
        return;
    }
    if (answers.empty()) {
        respond_error(transfer, 400, "ValidationException");
        return;
    }
    respond(transfer, 200, "{\"FailedEntryCount\":0,\"Entries\":[" + answers + "]}");
}

bool SimNetwork::refuse_signature(Transfer& transfer) {
    for (const auto& [name, value] : transfer.request.headers) {
        if (strcasecmp(name.c_str(), "x-amz-date") != 0) continue;
        if (std::llabs(parse_basic_date(value) - stage_.clock.true_ms()) <= most_skew_ms) {
            return false;
        }
        stage_.hit(Mishap::clock_refused);
        respond_error(transfer, 400, "InvalidSignatureException");
        return true;
    }
    stage_.violation("a request without X-Amz-Date");
    return false;
}

// The results of the entries; empty if the request as a whole is refused.
std::string SimNetwork::take_entries(Transfer& transfer, bool& forbidden) {
    struct Entry {
        SimEvent* event;
        bool fails;
    };
    const std::string_view json = transfer.request.body;
    std::vector<Entry> entries;
    bool refused = false;
    for (size_t at = 0; json.find("\"Detail\":\"", at) != std::string_view::npos;) {
        const std::string detail_type = member(json, "DetailType", at);
        const std::string detail = member(json, "Detail", at);
        const std::string bus = member(json, "EventBusName", at);
        SimEvent* event = ledger_.find(detail, "the bus");
        if (event == nullptr) {
            entries.push_back({nullptr, false});
            continue;
        }
        const bool right_bus =
            bus == bus_name(event->destination) || (moved && bus == bus_name(0));
        if (event->malformed || !right_bus ||
            detail_type != cache_of(*event) + "#" + topic_name) {
            stage_.violation("event " + std::to_string(event->id) + " went to bus \"" + bus +
                             "\" as \"" + detail_type + '"');
        }
        if (event->first_sent_us < 0) event->first_sent_us = stage_.now();
        refused = refused || event->taste == Taste::refused_request;
        forbidden = forbidden || event->taste == Taste::forbidden;
        entries.push_back({event, stage_.now() < event->failing_until_us});
    }
    if (forbidden) {
        stage_.hit(Mishap::event_forbidden);
        return {};
    }
    if (refused) {
        if (entries.size() == 1) {
            refuse(*entries.front().event, transfer);
        }
        return {};
    }

    std::string answers;
    for (const Entry& entry : entries) {
        if (!answers.empty()) answers += ',';
        const bool trouble = stage_.chance.coin(weather.entry_trouble);
        if (entry.event != nullptr && entry.event->taste == Taste::refused_entry) {
            refuse(*entry.event, transfer);
            answers += R"({"ErrorCode":"MalformedDetail","ErrorMessage":"not to my taste"})";
        } else if (entry.fails || (trouble && stage_.chance.one_in(2))) {
            stage_.hit(Mishap::entry_failed);
            answers += R"({"ErrorCode":"InternalFailure","ErrorMessage":"try again"})";
        } else if (trouble) {
            stage_.hit(Mishap::entry_throttled);
            answers += R"({"ErrorCode":"ThrottlingException","ErrorMessage":"slow down"})";
        } else {
            if (entry.event != nullptr) publish(*entry.event, transfer);
            answers += "{\"EventId\":\"" + std::to_string(next_event_id_++) + "\"}";
        }
    }
    return answers;
}

void SimNetwork::publish(SimEvent& event, Transfer& transfer) {
    // What was on the wire may still arrive.
    if (event.gone && transfer.client != nullptr) {
        stage_.violation("event " + std::to_string(event.id) +
                         " was in no log when the power was back, and is published");
    }
    ++event.published;
    event.last_published_us = stage_.now();
    // If nobody will hear of it, it comes again.
    if (transfer.client == nullptr) ++event.spare;
    transfer.published.push_back(&event);
    if (!stage_.telling()) return;
    stage_.tell("event " + std::to_string(event.id) + " is published, time " +
                std::to_string(event.published) +
                (transfer.client == nullptr ? "; its sender is gone" : ""));
}

void SimNetwork::refuse(SimEvent& event, Transfer& transfer) {
    ++event.refusals;
    event.last_refused_us = stage_.now();
    if (!stage_.telling()) return;
    stage_.tell("event " + std::to_string(event.id) + " is refused by the bus" +
                (transfer.client == nullptr ? "; its sender is gone" : ""));
}

void SimNetwork::respond(Transfer& transfer, int status, std::string body) {
    HttpResponse& response = transfer.result.response;
    response.status = status;
    response.headers = {{"date", http_date(stage_.clock.true_ms())},
                        {"x-amzn-requestid", "simulated"}};
    response.body = std::move(body);
}

void SimNetwork::respond_error(Transfer& transfer, int status, const std::string& code) {
    respond(transfer, status,
            code.empty() ? "" : "{\"__type\":\"" + code + "\",\"message\":\"simulated\"}");
}

void SimHttp::start(HttpRequest request, Done done) {
    auto transfer = std::make_shared<SimNetwork::Transfer>();
    transfer->request = std::move(request);
    transfer->done = std::move(done);
    transfer->client = this;
    transfer->started_us = stage_.now();
    transfer->settles_us = stage_.now() + transfer->request.total_timeout_ms * ms;
    transfer->result.failed = true;
    transfer->result.failure = {HttpFailure::Stage::after_send, "no answer in time"};
    transfers_.push_back(transfer);
    network_.send(transfer);
}

void SimHttp::run(int64_t timeout_ms) {
    std::vector<SimNetwork::TransferPtr> due;
    auto is_due = [this](const SimNetwork::TransferPtr& transfer) {
        return transfer->settles_us <= stage_.now();
    };
    std::copy_if(transfers_.begin(), transfers_.end(), std::back_inserter(due), is_due);
    transfers_.erase(std::remove_if(transfers_.begin(), transfers_.end(), is_due),
                     transfers_.end());
    std::stable_sort(due.begin(), due.end(), [](const auto& a, const auto& b) {
        return a->settles_us < b->settles_us;
    });
    waits_until_us_ = stage_.now() + (due.empty() ? timeout_ms * ms : 0);
    for (const SimNetwork::TransferPtr& transfer : due) finish(*transfer);
}

void SimHttp::finish(SimNetwork::Transfer& transfer) {
    transfer.client = nullptr;
    transfer.result.elapsed_us = stage_.now() - transfer.started_us;
    const HttpResult& result = transfer.result;
    const bool told = !result.failed && transfer.course != Course::cut_answer &&
                      transfer.course != Course::server_error_published;
    for (SimEvent* event : transfer.published) {
        if (stage_.telling()) {
            stage_.tell("event " + std::to_string(event->id) +
                        (told ? " is known to be published" : " is not known to be published"));
        }
        if (told) {
            delivered.push_back({event, stage_.now()});
        } else {
            ++event->spare;
        }
    }
    transfer.done(std::move(transfer.result));
}

void SimHttp::wake() {
    woken_us_ = std::min(woken_us_, stage_.now() + stage_.latency_us());
}

void SimHttp::cancel_all() {
    for (const SimNetwork::TransferPtr& transfer : transfers_) {
        transfer->settles_us = stage_.now();
        transfer->result.failed = true;
        transfer->result.failure = {HttpFailure::Stage::cancelled, "cancelled"};
    }
}

int64_t SimHttp::due_us() const {
    int64_t due = std::min(waits_until_us_, woken_us_);
    for (const auto& transfer : transfers_) due = std::min(due, transfer->settles_us);
    return due;
}

void SimHttp::die() {
    for (const SimNetwork::TransferPtr& transfer : transfers_) {
        transfer->client = nullptr;
        transfer->done = nullptr;
        for (SimEvent* event : transfer->published) ++event->spare;
    }
    transfers_.clear();
}

}  // namespace momento::sim
