// The JSON document in which containers' and instances' endpoints hand out credentials.
// Source: "IAM roles for Amazon EC2" and "Task IAM role" of the EC2 and ECS guides.
//
// Pure; any thread. No error quotes a value of the document but its own error message.
#pragma once

#include <string_view>

#include "aws/credentials.h"
#include "http/client.h"

namespace momento::aws {

// Ready or failed. An instance's document says whether it holds credentials at all ("Code");
// a container's has no such member. Token and Expiration may be absent.
CredentialsAnswer read_credentials_document(const HttpResponse& response);

}  // namespace momento::aws
