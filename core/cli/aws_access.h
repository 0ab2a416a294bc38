// How the commands that call AWS reach it: with a destination's settings, from options and
// the environment, and step by step until there is an answer.
#pragma once

#include <memory>
#include <string>

#include "aws/credentials.h"
#include "aws/service_client.h"
#include "base/result.h"
#include "cli/console.h"
#include "cli/no_log.h"
#include "cli/options.h"
#include "destination/kind.h"
#include "http/client.h"

namespace momento::cli {

// --region, --proxy, --credentials, --profile, --cacert.
const OptionTable& aws_options();

// What they say, for resolve().
Status apply_aws_options(const Given& given, TargetSettings& settings);

// Calls of one service, one at a time; blocks.
class AwsCaller {
  public:
    // `settings` went through resolve(); `service` and `sts` are two of its endpoints.
    AwsCaller(const AwsPart& settings, const aws::Endpoint& service, const aws::Endpoint& sts,
              const char* content_type);
    ~AwsCaller();

    // Never `pending`, unless nobody answered in time.
    aws::CredentialsAnswer find_credentials();
    const char* credentials_kind() const { return credentials_->name(); }

    aws::ServiceReply call(const char* target, const std::string& body);

  private:
    NoLog log_;
    std::unique_ptr<HttpClient> http_;
    std::shared_ptr<aws::CredentialsProvider> credentials_;
    std::unique_ptr<aws::ServiceClient> client_;
};

// As those of destination/kind.h, with their warnings on the error stream.
Status resolve(TargetSettings& settings, Console& console);
Status resolve_letter_queue(TargetSettings& settings, Console& console);

// The instance's region, for settings that need one. Blocks for a few seconds at most.
Result<std::string> ask_instance_region(const aws::EnvironmentSnapshot& env);

// Once, before the first call of a process.
void prepare_network();

}  // namespace momento::cli
