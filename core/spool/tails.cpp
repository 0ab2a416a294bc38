#include "spool/tails.h"

#include "spool/log.h"
#include "spool/slots.h"
#include "spool/writer.h"

namespace momento {

namespace {

constexpr int max_idle_steps = 1'000;  // of a writer that neither works nor answers

}  // namespace

class Tails::Tail {
  public:
    Tail(const std::string& spool, const std::string& destination, const SpoolTools& tools)
        : log_(std::make_shared<Log>([] {}, [] {})) {
        auto settings = std::make_shared<SpoolSettings>();
        settings->path = spool;
        auto slots = std::make_shared<Slots>(spool, destination, *tools.files, *tools.random,
                                             *tools.logger);
        WriterTools writer_tools;
        writer_tools.clock = tools.clock;
        writer_tools.random = tools.random;
        writer_tools.logger = tools.logger;
        writer_tools.observer = tools.observer;
        writer_ = std::make_unique<Writer>(log_, settings, slots, nullptr, writer_tools);
    }

    void finish() { writer_->finish(); }

    Status append(std::vector<RecordBuffer> records) {
        uint64_t unsettled = records.size();
        bool durable = true;
        AppendBatch batch;
        batch.records = std::move(records);
        batch.first_ticket = next_ticket_;
        batch.reply = &settlements_;
        next_ticket_ += unsettled;
        log_->append(std::move(batch));

        for (int idle = 0; unsettled > 0;) {
            idle = writer_->step() ? 0 : idle + 1;
            if (idle > max_idle_steps) return Error{"the log does not answer"};
            settlements_.take(taken_);
            for (const Settlement& settlement : taken_) {
                unsettled -= settlement.count;
                durable = durable && settlement.durable;
            }
        }
        if (!durable) return Error{"not stored: the log is full, or its disk failed"};
        return {};
    }

  private:
    Mailbox<Settlement> settlements_;  // outlives the log
    std::vector<Settlement> taken_;
    std::shared_ptr<Log> log_;
    std::unique_ptr<Writer> writer_;
    uint64_t next_ticket_ = 1;
};

Tails::Tails(std::string spool, SpoolTools tools) : spool_(std::move(spool)), tools_(tools) {}
Tails::~Tails() = default;

Status Tails::append(const std::string& destination, std::vector<RecordBuffer> records) {
    std::unique_ptr<Tail>& tail = tails_[destination];
    if (!tail) tail = std::make_unique<Tail>(spool_, destination, tools_);
    Status status = tail->append(std::move(records));
    if (!status) return Error{"destination \"" + destination + "\": " + status.error().text};
    return {};
}

void Tails::finish() {
    for (auto& [destination, tail] : tails_) tail->finish();
    tails_.clear();
}

}  // namespace momento
