#include "destination/dead_reasons.h"

#include <algorithm>
#include <iterator>

#include "base/metrics.h"
#include "destination/kind.h"

namespace momento {
namespace {

// Two kinds may refuse for one code.
std::vector<std::string_view> list_reasons() {
    std::vector<std::string_view> list(own_reasons.values.begin(), own_reasons.values.end());
    for (const DestinationKind* kind : destination_kinds()) {
        for (const std::string_view code : kind->refusals) {
            const bool is_known = std::find(list.begin(), list.end(), code) != list.end();
            if (!is_known && list.size() + 1 < max_dead_reasons) list.push_back(code);
        }
    }
    list.push_back("other");
    return list;
}

}  // namespace

const std::vector<std::string_view>& dead_reasons() {
    static const std::vector<std::string_view> reasons = list_reasons();
    return reasons;
}

uint8_t dead_reason(std::string_view code) {
    const auto& reasons = dead_reasons();
    const auto found = std::find(reasons.begin(), std::prev(reasons.end()), code);
    return static_cast<uint8_t>(found - reasons.begin());
}

}  // namespace momento
