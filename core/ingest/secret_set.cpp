#include "ingest/secret_set.h"

#include <utility>

namespace momento {

std::shared_ptr<const SecretSet> next_set(SecretValue value, int64_t created_ms,
                                          const SecretSet* before, int64_t changed_ms) {
    auto set = std::make_shared<SecretSet>();
    const bool is_other = before != nullptr && before->current.value.bytes() != value.bytes();
    set->current = {std::move(value), {}, created_ms};
    if (is_other) {
        set->previous = before->current;
        set->current.created_ms = changed_ms;
    } else if (before != nullptr && before->previous) {
        set->previous = before->previous;
        set->current.created_ms = before->current.created_ms;
    }
    return set;
}

}  // namespace momento
