// PayloadParser with any body: what it accepts keeps its promises, and the bytes behind the
// body never matter.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "destination/putevents.h"
#include "ingest/payload.h"

using momento::Json;
using momento::PayloadParser;

namespace {

// An allocation of its own, so that the address sanitizer sees every byte too far.
class Body {
  public:
    Body(std::string_view text, char padding)
        : size_(text.size()), data_(new char[text.size() + momento::body_padding]) {
        if (size_ > 0) std::memcpy(data_.get(), text.data(), size_);
        std::memset(data_.get() + size_, padding, momento::body_padding);
    }
    std::string_view view() const { return {data_.get(), size_}; }

  private:
    size_t size_;
    std::unique_ptr<char[]> data_;
};

void require(bool promise) {
    if (!promise) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
    static PayloadParser first;
    static PayloadParser second;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    Body spaces(text, ' ');
    Body quotes(text, '"');

    auto payload = first.parse(spaces.view(), momento::putevents_limits);
    auto again = second.parse(quotes.view(), momento::putevents_limits);
    require(static_cast<bool>(payload) == static_cast<bool>(again));
    if (!payload) {
        require(!payload.error().text.empty() && payload.error().text == again.error().text);
        first.peek(spaces.view());
        return 0;
    }

    std::string cache(payload->cache);
    std::string topic(payload->topic);
    require(!cache.empty() && !topic.empty());
    require(cache.size() + topic.size() <= size_t{127} * 4);
    require(payload->sequence.value_or(0) >= 0);
    require(again->cache == cache && again->topic == topic);
    require(again->publish_timestamp == payload->publish_timestamp);

    auto seen = second.peek(quotes.view());
    require(seen && seen->cache == cache && seen->topic == topic);

    // The other parser in the house reads the same names, where it reads the body at all.
    if (auto json = Json::parse(text)) {
        require(json->get("cache").as_string() == cache);
        require(json->get("topic").as_string() == topic);
        require(json->get("publish_timestamp").as_integer() == payload->publish_timestamp);
    }
    return 0;
}
