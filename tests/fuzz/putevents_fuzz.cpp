// read_putevents_answer() with any answer: every entry gets a verdict, nothing counts as
// delivered unless the answer is a success, and what is printed in log lines is printable.
// encode() with any body: the request is JSON, and Detail decodes to the same bytes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.h"
#include "destination/putevents.h"

using momento::EntryVerdict;
using momento::HttpResult;
using momento::Json;
using momento::PutEventsEncoder;
using momento::Record;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

bool is_word(const std::string& text) {
    for (char c : text) {
        if (c <= ' ' || c > '~') return false;
    }
    return true;
}

void read_answer(int status, std::string_view body, size_t entries) {
    HttpResult http;
    http.response.status = status;
    http.response.body = body;
    http.response.headers = {{"x-amzn-requestid", std::string(body.substr(0, 40))},
                             {"x-amz-retry-after", std::string(body.substr(0, 20))}};
    auto answer = momento::read_putevents_answer(http, entries);
    require(answer.result.entries.size() == entries);
    require(answer.result.retry_after_ms >= 0);
    require(is_word(answer.result.request_id));
    for (const EntryVerdict& verdict : answer.result.entries) {
        bool delivered = verdict.kind == EntryVerdict::Kind::delivered;
        require(!delivered || (status >= 200 && status < 300));
        require(delivered || !verdict.code.empty());
        require(is_word(verdict.code));
        require(verdict.message.size() <= 1024);
    }
}

void encode(std::string_view body) {
    Record record;
    record.cache = "c";
    record.topic = "t";
    record.body = body;
    auto json = Json::parse(PutEventsEncoder("Momento", "default").encode({&record}));
    // Whatever is valid UTF-8 comes back as it was; the rest is no JSON for anybody.
    bool utf8 = Json::string(body).as_string() == body;
    require(!utf8 || (json && json->get("Entries").at(0).get("Detail").as_string() == body));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
    static constexpr int statuses[] = {200, 200, 200, 400, 403, 413, 429, 500};
    if (size < 1) return 0;
    std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
    read_answer(statuses[data[0] & 7], body, 1 + (data[0] >> 3) % 10);
    encode(body);
    return 0;
}
