// The oracle: what must be true of a world when everything is over.
#pragma once

#include "world.h"

namespace momento::sim {

class Audit {
  public:
    explicit Audit(World& world) : world_(world) {}

    void before_power_loss();
    void after_power_loss();

  private:
    void read_letters();
    void check_event(const SimEvent& event);
    void check_refusal(const SimEvent& event);
    void check_slots();
    void check_alerts();
    bool may_lose() const;  // records that were synced, by the plan

    World& world_;
};

}  // namespace momento::sim
