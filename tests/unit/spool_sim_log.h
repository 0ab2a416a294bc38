// A log on a simulated disk, with its processes' deaths and the disk's powers of harm at
// hand.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim_files.h"
#include "spool_rig.h"

namespace momento::spool_test {

class SimLogTest : public testing::Test {
  protected:
    explicit SimLogTest(uint64_t seed = 1)
        : disk_random_(seed),
          random_(seed + 1),
          disk_(disk_random_),
          settings_(small_settings()) {
        disk_.make_directory("/spool");
    }
    ~SimLogTest() override {
        EXPECT_TRUE(disk_.breaches().empty()) << disk_.breaches()[0];
        log_.reset();
    }

    // A process of its own, with a log.
    PlayedLog& start(const std::string& destination = "bus") {
        log_.reset();
        files_ = std::make_unique<sim::SimFiles>(disk_);
        log_ = std::make_unique<PlayedLog>(settings_, destination, tools(*files_));
        return *log_;
    }

    PlayedLog::Tools tools(sim::SimFiles& files) {
        return {&files, &clock_, &random_, &lines_, &observer_, &metrics_};
    }

    // Ends the process without a warning; starts another one that opens the same slot.
    PlayedLog& restart() {
        kill();
        start();
        return open_slot();
    }

    void kill() {
        if (files_) files_->kill();
        log_.reset();
    }

    // Opens the slot that is there, as an adopted one.
    PlayedLog& open_slot() {
        Slots slots(settings_.path, "bus", *files_, random_, lines_);
        auto slot = slots.claim();
        EXPECT_TRUE(slot) << slot.error().text;
        log_ = std::make_unique<PlayedLog>(settings_, "bus", tools(*files_), std::move(*slot));
        log_->step();
        return *log_;
    }

    // --- the disk, from outside

    sim::SimFiles& editor() {
        if (!editor_) editor_ = std::make_unique<sim::SimFiles>(disk_, "editor");
        return *editor_;
    }

    std::vector<std::string> list(const std::string& path) {
        auto directory = editor().open_directory(path, false);
        if (!directory) return {};
        auto names = (*directory)->list();
        std::sort(names->begin(), names->end());
        return *names;
    }

    std::string slot_path() {
        for (const std::string& name : list("/spool/bus")) return "/spool/bus/" + name;
        return "";
    }

    std::unique_ptr<Directory> slot_directory() {
        return std::move(*editor().open_directory(slot_path(), false));
    }

    std::vector<std::string> files_like(const std::string& part) {
        std::vector<std::string> found;
        for (const std::string& name : list(slot_path())) {
            if (name.find(part) != std::string::npos) found.push_back(name);
        }
        return found;
    }

    std::string content(const std::string& name) {
        auto file = slot_directory()->open(name, Directory::Mode::read);
        if (!file) return "";
        std::string bytes(*(*file)->size(), '\0');
        EXPECT_TRUE((*file)->read_at(0, bytes.data(), bytes.size()));
        return bytes;
    }

    void overwrite(const std::string& name, uint64_t offset, const std::string& bytes) {
        auto file = slot_directory()->open(name, Directory::Mode::write);
        ASSERT_TRUE(file);
        ASSERT_TRUE((*file)->write_at(offset, bytes));
        ASSERT_TRUE((*file)->sync());
    }

    void flip(const std::string& name, uint64_t offset) {
        overwrite(name, offset,
                  std::string(1, static_cast<char>(content(name)[offset] ^ 0x5A)));
    }

    uint64_t bytes_in_slot() {
        uint64_t sum = 0;
        for (const std::string& name : list(slot_path())) sum += content(name).size();
        return sum;
    }

    // Steps as the writer takes them, and a throw at one of them.
    struct Observer final : StepObserver {
        void at(const char* step) override {
            steps.emplace_back(step);
            if (on_step) on_step(step);
        }
        std::vector<std::string> steps;
        std::function<void(const std::string&)> on_step;
    };

    CountingRandom disk_random_;
    CountingRandom random_;
    sim::SimDisk disk_;
    SpoolSettings settings_;
    fakes::PlayedClock clock_;
    fakes::KeptLines lines_;
    Observer observer_;
    DestinationMetrics metrics_{};
    std::unique_ptr<sim::SimFiles> editor_;
    std::unique_ptr<sim::SimFiles> files_;
    std::unique_ptr<PlayedLog> log_;
};

inline std::string padded(const std::string& text, size_t size) {
    std::string body = text;
    body.resize(std::max(size, text.size()), '.');
    return body;
}

}  // namespace momento::spool_test
