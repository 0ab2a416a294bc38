// Any bytes as an answer of STS: a whole set, or an error that is one line.
#include <cstdint>
#include <cstdlib>

#include "aws/sts.h"

using namespace momento;
using State = aws::CredentialsAnswer::State;

namespace {

void require(bool promise) {
    if (!promise) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {  // NOLINT
    static constexpr int statuses[] = {200, 200, 400, 403};
    if (size < 1) return 0;
    aws::Role role;
    role.arn = "arn:aws:iam::123456789012:role/demo";
    HttpResult http;
    http.response.status = statuses[data[0] & 3];
    http.response.body.assign(reinterpret_cast<const char*>(data + 1), size - 1);
    for (auto operation :
         {aws::StsOperation::assume_role, aws::StsOperation::assume_role_with_web_identity}) {
        aws::CredentialsAnswer answer = aws::read_sts_answer(operation, role, http).answer;
        if (answer.state == State::ready) {
            require(http.response.status == 200);
            require(!answer.credentials->access_key_id.empty());
            require(!answer.credentials->secret_access_key.empty());
            require(!answer.credentials->session_token.empty());
            require(answer.credentials->expires_ms.has_value());
        } else {
            require(answer.state == State::failed && !answer.error.empty());
            require(answer.error.find('\n') == std::string::npos);
            require(answer.error.size() < 2'048);
        }
    }
    return 0;
}
