// A spool in a temporary directory, with events and dead letters in it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/logger.h"
#include "base/random.h"
#include "spool/slot_reader.h"
#include "spool/tails.h"

namespace momento {

class SilentLogger final : public Logger {
  public:
    void write(Severity, std::string) override {}
};

class TestSpool {
  public:
    TestSpool() {
        std::string pattern = testing::TempDir() + "spool-XXXXXX";
        EXPECT_NE(mkdtemp(pattern.data()), nullptr);
        path_ = pattern;
    }
    ~TestSpool() { std::filesystem::remove_all(path_); }

    const std::string& path() const { return path_; }

    SpoolTools tools(StepObserver* observer = nullptr) {
        return {&system_files(), &system_clock(), &system_random(), &logger_, observer};
    }

    // The records view what they are given.
    static Record event(std::string_view body) {
        Record record;
        record.accepted_ms = 1'700'000'000'123;
        record.publish_ms = 1'700'000'000'000;
        record.cache = "chat";
        record.topic = "room-281";
        record.body = body;
        return record;
    }

    static Record letter(std::string_view body, std::string_view reason = "Refused") {
        Record record = event(body);
        record.kind = RecordKind::dead_letter;
        record.destination = "bus";
        record.reason_code = reason;
        record.reason_message = "because";
        record.attempts = 3;
        record.first_attempt_ms = 1'700'000'001'000;
        record.last_attempt_ms = 1'700'000'002'000;
        return record;
    }

    // In a slot of their own, which is free again afterwards.
    void append(const std::string& destination, const std::vector<Record>& records) {
        Tails tails(path_, tools());
        std::vector<RecordBuffer> buffers;
        for (const Record& record : records) buffers.push_back(RecordBuffer::from(record));
        Status status = tails.append(destination, std::move(buffers));
        ASSERT_TRUE(status) << status.error().text;
        tails.finish();
    }

    std::vector<SlotPlace> places(const std::string& destination) {
        auto found = find_slots(system_files(), path_, destination);
        return found ? *found : std::vector<SlotPlace>();
    }

    // Bodies of what is pending, slot by slot.
    std::vector<std::string> pending(const std::string& destination) {
        std::vector<std::string> bodies;
        for (const SlotPlace& place : places(destination)) {
            auto slot = read_slot(place, [&](const Record& record, Position) {
                bodies.emplace_back(record.body);
            });
            EXPECT_TRUE(slot) << slot.error().text;
        }
        return bodies;
    }

  private:
    std::string path_;
    SilentLogger logger_;
};

}  // namespace momento
