// Reads the secrets in files again when these change.
//
// Belongs to the delivery thread: step() once per turn, want() when a signature met no
// secret. Every file is looked at (stat) at once, then once a second, and when wanted, for
// that up to twenty times a second, each by an errand of its own: one that hangs leaves all
// others followed, and whoever wants it hears after a second that nobody knows. One that may
// not be read, is gone or holds no secret leaves the last good value in use, and is reported:
// at the start, and whenever it has changed. What a file held before counts as its previous
// version.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/errands.h"
#include "base/logger.h"
#include "ingest/secret_set.h"

namespace momento {

// One file, and what whoever read the configuration knows of it (null: nothing).
struct SecretFile {
    SecretSource source;
    std::shared_ptr<const SecretSet> known;
    int64_t known_ms = 0;  // when that was read, wall clock
};

class SecretFileWatcher {
  public:
    // Whether this process is to say so, of all that find the same: `what` tells findings of
    // one file apart.
    using MaySay = std::function<bool(size_t source, uint64_t what)>;

    // After the first look, one that found a change, and one that was wanted or hangs.
    using Deliver = std::function<void(SecretOutcome)>;

    // `errands`: null: in place. `may_say`: empty: it is.
    SecretFileWatcher(std::vector<SecretFile> files, const Clock& clock, Logger& logger,
                      Errands* errands, Deliver deliver, MaySay may_say = {});
    ~SecretFileWatcher();

    void step();
    void want(size_t source);
    int64_t next_us() const;  // when step() has something to do, steady clock

  private:
    struct Watched;
    struct Seen;
    enum class Finding : uint64_t { closed, changed, open };

    static int64_t look_us(const Watched& file);
    void look(size_t index);
    void take(size_t index, bool is_wanted, Seen seen);
    std::shared_ptr<const SecretSet> read(size_t index, bool is_first, bool is_changed,
                                          Seen& seen);
    void say(size_t index, Finding finding, const std::string& what);

    const Clock& clock_;
    Logger& logger_;
    Errands* const errands_;
    const Deliver deliver_;
    const MaySay may_say_;
    std::vector<Watched> files_;
};

}  // namespace momento
