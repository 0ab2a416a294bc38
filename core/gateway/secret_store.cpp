#include "gateway/secret_store.h"

#include <utility>

#include "aws/credentials_chain.h"

namespace momento {
namespace {

constexpr char user[] = "AWS Secrets Manager";
constexpr size_t connections = 4;  // a handful of small requests every few minutes

aws::ServiceClient make_client(const SecretSettings& secret, const SecretStore::Tools& tools) {
    aws::ProviderTools provider{tools.clock, tools.random, tools.http, tools.logger, user};
    provider.errands = tools.errands;
    provider.server_clock =
        std::make_shared<aws::ServerClock>(*tools.clock, *tools.logger, user);

    aws::ServiceSettings service;
    service.user = user;
    service.endpoint = secret.service;
    service.content_type = aws::secrets_manager_content_type;
    service.connections = connections;
    return {std::move(service),
            aws::make_credentials({}, secret.environment, secret.sts, provider),
            {tools.clock, tools.logger, tools.http, provider.server_clock}};
}

}  // namespace

SecretStore::SecretStore(const SecretSettings& secret, const Tools& tools)
    : endpoint_(secret.service), client_(make_client(secret, tools)) {}

void SecretStore::fetch(const std::string& id, aws::SecretStage stage,
                        std::function<void(aws::SecretVersion)> done) {
    aws::get_secret_value(client_, id, stage, std::move(done));
}

bool SecretStore::holds(const SecretSettings& secret) const {
    return endpoint_.url.text() == secret.service.url.text() &&
           endpoint_.signing_region == secret.service.signing_region;
}

}  // namespace momento
