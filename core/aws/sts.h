// The two calls of AWS STS that give credentials, as pure functions: a role to a request,
// an HTTP result to credentials. Any thread.
// Source: "AssumeRole" and "AssumeRoleWithWebIdentity", AWS STS API Reference; AWS query
// protocol, whose answers are XML.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "aws/credentials.h"
#include "aws/endpoints.h"
#include "http/client.h"

namespace momento::aws {

struct Role {
    static constexpr const char* default_session_name = "momento-webhook";

    std::string arn;
    std::string session_name = default_session_name;  // shows in CloudTrail
    std::string external_id;                          // empty: none
    int64_t duration_seconds = 0;                     // 0: STS's own, an hour
};

// What STS would refuse: the shape of the ARN and of the session's name, a duration outside
// 900 to 43200. The error names the value.
Status check_role(const Role& role);

// Signed with the credentials of whoever may assume the role.
HttpRequest assume_role_request(const Endpoint& sts, const Role& role,
                                const Credentials& source, int64_t now_ms);

// Not signed: the token is the proof.
HttpRequest web_identity_request(const Endpoint& sts, const Role& role, std::string_view token);

struct StsAnswer {
    CredentialsAnswer answer;       // ready or failed
    bool refused_identity = false;  // of whoever asked: its credentials, or our clock
};

enum class StsOperation { assume_role, assume_role_with_web_identity, count };
StsAnswer read_sts_answer(StsOperation operation, const Role& role, const HttpResult& http);

}  // namespace momento::aws
