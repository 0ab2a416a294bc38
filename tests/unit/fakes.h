// Time, chance, network, log lines and credentials as tests play them.
#pragma once

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aws/credentials.h"
#include "base/clock.h"
#include "base/errands.h"
#include "base/logger.h"
#include "base/random.h"
#include "http/client.h"

namespace momento::fakes {

class PlayedClock final : public Clock {
  public:
    int64_t wall_ms() const override { return wall_ms_; }
    int64_t steady_us() const override { return steady_us_; }

    void advance_ms(int64_t ms) {
        wall_ms_ += ms;
        steady_us_ += ms * 1000;
    }
    void step_wall_ms(int64_t ms) { wall_ms_ += ms; }

  private:
    int64_t wall_ms_ = 1'700'000'000'000;
    int64_t steady_us_ = 5'000'000;
};

// Answers unit() with what was set last.
class PlayedRandom final : public Random {
  public:
    explicit PlayedRandom(double unit = 0.5) { set(unit); }
    void set(double unit) { number_ = static_cast<uint64_t>(unit * 0x1.0p53) << 11; }

    void fill(void* data, size_t size) override {
        for (size_t i = 0; i < size; ++i) {
            static_cast<uint8_t*>(data)[i] = static_cast<uint8_t>(number_ >> 8 * (i % 8));
        }
    }

  private:
    uint64_t number_ = 0;
};

class KeptLines final : public Logger {
  public:
    void write(Severity severity, std::string line) override {
        severities.push_back(severity);
        lines.push_back(std::move(line));
    }

    size_t count(const std::string& part) const {
        size_t n = 0;
        for (const std::string& line : lines) n += line.find(part) != std::string::npos;
        return n;
    }

    std::vector<std::string> of(Severity severity) const {
        std::vector<std::string> found;
        for (size_t i = 0; i < lines.size(); ++i) {
            if (severities[i] == severity) found.push_back(lines[i]);
        }
        return found;
    }

    std::vector<std::string> lines;
    std::vector<Severity> severities;
};

// Requests stay until the test answers them; the callbacks run in run().
class PlayedHttp final : public HttpClient {
  public:
    struct Sent {
        HttpRequest request;
        Done done;
    };

    void start(HttpRequest request, Done done) override {
        requests.push_back({std::move(request), std::move(done)});
    }
    void gather_answers(int64_t us) override { gathers_us = us; }
    void run(int64_t timeout_ms) override {
        waits.push_back(timeout_ms);
        std::deque<std::pair<Done, HttpResult>> due = std::move(answers_);
        answers_.clear();
        for (auto& [done, result] : due) done(std::move(result));
    }
    void wake() override { ++wakes; }
    void cancel_all() override {}
    size_t in_flight() const override { return requests.size() + answers_.size(); }

    // Answers the oldest request.
    void answer(int status, std::string body, HttpResponse headers = {}) {
        HttpResult result;
        result.response = std::move(headers);
        result.response.status = status;
        result.response.body = std::move(body);
        settle(std::move(result));
    }
    void fail(HttpFailure::Stage stage) {
        HttpResult result;
        result.failed = true;
        result.failure = {stage, "connection refused"};
        settle(std::move(result));
    }

    std::deque<Sent> requests;
    std::vector<int64_t> waits;
    int wakes = 0;
    int64_t gathers_us = 0;

  private:
    void settle(HttpResult result) {
        answers_.emplace_back(std::move(requests.front().done), std::move(result));
        requests.pop_front();
    }

    std::deque<std::pair<Done, HttpResult>> answers_;
};

// Work stays until the test does it.
class PlayedCrew final : public Crew {
  public:
    bool take(std::function<void()> work) override {
        works.push_back(std::move(work));
        return true;
    }

    std::deque<std::function<void()>> works;
};

struct PlayedCredentials {
    aws::CredentialsAnswer answer;
    int invalidations = 0;
    aws::CredentialsAnswer after_invalidation;  // absent: as before

    static aws::CredentialsAnswer ready(const std::string& id) {
        auto credentials = std::make_shared<aws::Credentials>();
        credentials->access_key_id = id;
        credentials->secret_access_key = "secret of " + id;
        aws::CredentialsAnswer answer;
        answer.state = aws::CredentialsAnswer::State::ready;
        answer.credentials = std::move(credentials);
        return answer;
    }

    class Provider final : public aws::CredentialsProvider {
      public:
        explicit Provider(PlayedCredentials& played) : played_(played) {}
        const char* name() const override { return "played"; }
        aws::CredentialsAnswer get() override { return played_.answer; }
        void invalidate() override {
            ++played_.invalidations;
            if (played_.after_invalidation.state != aws::CredentialsAnswer::State::absent) {
                played_.answer = played_.after_invalidation;
            }
        }

      private:
        PlayedCredentials& played_;
    };
};

}  // namespace momento::fakes
