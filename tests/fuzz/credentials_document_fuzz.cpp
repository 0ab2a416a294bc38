// Any bytes as the document of a container's or instance's endpoint: a whole set or an
// error that is one line, at whatever status.
#include <cstdint>
#include <cstdlib>

#include "aws/credentials_document.h"

using namespace momento;
using State = aws::CredentialsAnswer::State;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
    static constexpr int statuses[] = {200, 200, 400, 500};
    if (size < 1) return 0;
    HttpResponse response;
    response.status = statuses[data[0] & 3];
    response.body.assign(reinterpret_cast<const char*>(data + 1), size - 1);
    aws::CredentialsAnswer answer = aws::read_credentials_document(response);
    if (answer.state == State::ready) {
        require(response.status == 200);
        require(!answer.credentials->access_key_id.empty());
        require(!answer.credentials->secret_access_key.empty());
    } else {
        require(answer.state == State::failed && !answer.error.empty());
        require(answer.error.find('\n') == std::string::npos);
        require(answer.error.size() < 2'048);
    }
    return 0;
}
