// The secrets of one location as they are now: what the configuration names, with what its
// sources hold at this moment, ready to verify with.
//
// Belongs to the event loop; key states live only here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/secret_board.h"
#include "ingest/secrets.h"

namespace momento {

// A secret as a location's configuration names it.
struct LocationSecret {
    std::string name;   // SecretSource::name()
    std::string cache;  // it verifies only events of these; empty: any
    std::string topic;
    SecretValue value;             // of one that never changes
    int64_t read_ms = 0;           // when that was read, wall clock
    std::optional<size_t> source;  // on the board; nothing: it never changes
    int64_t previous_ms = 0;  // so long after its successor was made a previous version counts
};

class LocationSecrets {
  public:
    // `board` must live as long as this. update() comes before anything else.
    LocationSecrets(std::shared_ptr<const std::vector<LocationSecret>> secrets,
                    SecretBoard& board);

    // Takes over what the board has now. An error (there is no memory) leaves all as it was.
    Status update(int64_t now_ms);

    // When the next previous version's time is over (wall clock): update() drops it then.
    int64_t retires_ms() const { return retires_ms_; }

    const Keyring& keyring() const { return keyring_; }
    bool uses(size_t source) const;
    bool has_value() const;  // of at least one

    // What to think of a claim that matches nothing, of a request that came at `since_us` and
    // may wait until `until_us` (steady clock).
    struct Doubt {
        bool expects_news = false;  // secrets are on their way that may match
        bool is_blind = false;      // one that might match has no value yet
    };
    Doubt doubt(const Claim& claim, int64_t since_us, int64_t until_us) const;

    // Which one a key of keyring() belongs to: an index into what was configured, and the
    // version.
    struct Version {
        size_t secret = 0;
        SecretStage stage = SecretStage::current;
    };
    Version version(int key) const { return versions_[static_cast<size_t>(key)]; }

    // When that version was made, wall clock; 0: there is none that counts, or nobody knows.
    int64_t made_ms(const Version& version) const;

  private:
    std::shared_ptr<const std::vector<LocationSecret>> secrets_;
    SecretBoard& board_;
    Keyring keyring_;
    std::vector<Version> versions_;  // by the keyring's index
    int64_t retires_ms_ = 0;
};

}  // namespace momento
