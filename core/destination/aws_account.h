// What speaks to AWS for one user: its credentials, and the clock they share.
//
// Made and used on the delivery thread.
#pragma once

#include <memory>
#include <string>

#include "aws/credentials.h"
#include "aws/service_client.h"
#include "destination/kind.h"

namespace momento {

struct AwsAccount {
    std::shared_ptr<aws::CredentialsProvider> credentials;
    aws::ServiceTools tools;
};

// `user` is whom log lines name; `sts`: where roles are asked for.
AwsAccount make_aws_account(const std::string& user, const aws::Endpoint& sts,
                            const AwsPart& settings, const DestinationTools& tools);

}  // namespace momento
