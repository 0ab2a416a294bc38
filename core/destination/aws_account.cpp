#include "destination/aws_account.h"

#include "aws/credentials_chain.h"

namespace momento {

AwsAccount make_aws_account(const std::string& user, const aws::Endpoint& sts,
                            const AwsPart& settings, const DestinationTools& tools) {
    aws::ProviderTools provider{tools.clock, tools.random, tools.http, tools.logger, user};
    provider.errands = tools.errands;
    provider.server_clock =
        std::make_shared<aws::ServerClock>(*tools.clock, *tools.logger, user);
    return {aws::make_credentials(settings.credentials, settings.environment, sts, provider),
            {tools.clock, tools.logger, tools.http, provider.server_clock}};
}

}  // namespace momento
