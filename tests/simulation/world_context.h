// What a process's writers and threads say, on its way to the world.
#pragma once

#include <string>
#include <utility>

#include "world.h"

namespace momento::sim {

class World::Context final : public StepObserver, public Logger {
  public:
    explicit Context(World& world) : world_(world) {}
    void belong_to(const SimFiles& files) { files_ = &files; }

    void at(const char* step) override { world_.observe(*files_, step); }
    void write(Severity severity, std::string line) override {
        world_.heard(severity, (files_ ? files_->process() : "") + ": " + line);
    }

  private:
    World& world_;
    const SimFiles* files_ = nullptr;
};

}  // namespace momento::sim
