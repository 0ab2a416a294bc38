#include "aws/endpoints.h"

#include <gtest/gtest.h>

#include "aws_environment.h"

namespace momento::aws {
namespace {

// What botocore's resolver makes of the SDKs' rule sets: plain, dual-stack, FIPS, both.
struct RegionalCase {
    Service service;
    const char* region;
    const char* hosts[4];
};

const RegionalCase regional[] = {
    {Service::eventbridge,
     "us-west-2",
     {"events.us-west-2.amazonaws.com", "events.us-west-2.api.aws",
      "events-fips.us-west-2.amazonaws.com", "events-fips.us-west-2.api.aws"}},
    {Service::eventbridge,
     "cn-north-1",
     {"events.cn-north-1.amazonaws.com.cn", "events.cn-north-1.api.amazonwebservices.com.cn",
      "events-fips.cn-north-1.amazonaws.com.cn",
      "events-fips.cn-north-1.api.amazonwebservices.com.cn"}},
    {Service::eventbridge,
     "us-gov-west-1",
     {"events.us-gov-west-1.amazonaws.com", "events.us-gov-west-1.api.aws",
      "events.us-gov-west-1.amazonaws.com", "events.us-gov-west-1.api.aws"}},
    {Service::eventbridge,
     "eusc-de-east-1",
     {"events.eusc-de-east-1.amazonaws.eu", "events.eusc-de-east-1.api.amazonwebservices.eu",
      "events-fips.eusc-de-east-1.amazonaws.eu",
      "events-fips.eusc-de-east-1.api.amazonwebservices.eu"}},
    {Service::eventbridge,
     "us-iso-east-1",
     {"events.us-iso-east-1.c2s.ic.gov", "events.us-iso-east-1.api.aws.ic.gov",
      "events-fips.us-iso-east-1.c2s.ic.gov", "events-fips.us-iso-east-1.api.aws.ic.gov"}},
    {Service::eventbridge,
     "us-isob-east-1",
     {"events.us-isob-east-1.sc2s.sgov.gov", "events.us-isob-east-1.api.aws.scloud",
      "events-fips.us-isob-east-1.sc2s.sgov.gov", "events-fips.us-isob-east-1.api.aws.scloud"}},
    {Service::eventbridge,
     "eu-isoe-west-1",
     {"events.eu-isoe-west-1.cloud.adc-e.uk", "events.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
      "events-fips.eu-isoe-west-1.cloud.adc-e.uk",
      "events-fips.eu-isoe-west-1.api.cloud-aws.adc-e.uk"}},
    {Service::eventbridge,
     "us-isof-south-1",
     {"events.us-isof-south-1.csp.hci.ic.gov", "events.us-isof-south-1.api.aws.hci.ic.gov",
      "events-fips.us-isof-south-1.csp.hci.ic.gov",
      "events-fips.us-isof-south-1.api.aws.hci.ic.gov"}},
    {Service::sqs,
     "us-west-2",
     {"sqs.us-west-2.amazonaws.com", "sqs.us-west-2.api.aws",
      "sqs-fips.us-west-2.amazonaws.com", "sqs-fips.us-west-2.api.aws"}},
    {Service::sqs,
     "us-gov-west-1",
     {"sqs.us-gov-west-1.amazonaws.com", "sqs.us-gov-west-1.api.aws",
      "sqs.us-gov-west-1.amazonaws.com", "sqs-fips.us-gov-west-1.api.aws"}},
    {Service::secrets_manager,
     "us-west-2",
     {"secretsmanager.us-west-2.amazonaws.com", "secretsmanager.us-west-2.amazonaws.com",
      "secretsmanager-fips.us-west-2.amazonaws.com",
      "secretsmanager-fips.us-west-2.amazonaws.com"}},
    {Service::secrets_manager,
     "us-gov-west-1",
     {"secretsmanager.us-gov-west-1.amazonaws.com",
      "secretsmanager.us-gov-west-1.amazonaws.com",
      "secretsmanager-fips.us-gov-west-1.amazonaws.com",
      "secretsmanager-fips.us-gov-west-1.amazonaws.com"}},
    {Service::secrets_manager,
     "cn-north-1",
     {"secretsmanager.cn-north-1.amazonaws.com.cn",
      "secretsmanager.cn-north-1.amazonaws.com.cn",
      "secretsmanager-fips.cn-north-1.amazonaws.com.cn",
      "secretsmanager-fips.cn-north-1.api.amazonwebservices.com.cn"}},
    {Service::secrets_manager,
     "eusc-de-east-1",
     {"secretsmanager.eusc-de-east-1.amazonaws.eu",
      "secretsmanager.eusc-de-east-1.api.amazonwebservices.eu",
      "secretsmanager-fips.eusc-de-east-1.amazonaws.eu",
      "secretsmanager-fips.eusc-de-east-1.api.amazonwebservices.eu"}},
    {Service::sts,
     "us-west-2",
     {"sts.us-west-2.amazonaws.com", "sts.us-west-2.api.aws",
      "sts-fips.us-west-2.amazonaws.com", "sts-fips.us-west-2.api.aws"}},
    {Service::sts,
     "us-gov-west-1",
     {"sts.us-gov-west-1.amazonaws.com", "sts.us-gov-west-1.api.aws",
      "sts.us-gov-west-1.amazonaws.com", "sts-fips.us-gov-west-1.api.aws"}},
};

TEST(Region, IsDoubtedIfNobodyHasHeardOfIt) {
    for (const char* known : {"us-west-2", "cn-north-1", "us-gov-east-1", "us-iso-east-1"}) {
        EXPECT_FALSE(doubt_region(known)) << known;
    }
    EXPECT_EQ(doubt_region("us-west-2a"),
              "\"us-west-2a\" is no region that is known here: there are \"us-east-1\", "
              "\"us-east-2\", \"us-gov-east-1\", \"us-gov-west-1\", \"us-west-1\", "
              "\"us-west-2\"");
    EXPECT_EQ(doubt_region("oregon"),
              "\"oregon\" is no region that is known here: write it like \"us-west-2\"");
}

TEST(Endpoint, FollowsTheSdksRules) {
    for (const RegionalCase& test : regional) {
        for (int variant = 0; variant < 4; ++variant) {
            auto env = environment({{"AWS_USE_DUALSTACK_ENDPOINT", variant & 1 ? "true" : ""},
                                    {"AWS_USE_FIPS_ENDPOINT", variant & 2 ? "True" : "false"}});
            auto endpoint = resolve_endpoint(test.service, test.region, env);
            ASSERT_TRUE(endpoint);
            EXPECT_EQ(endpoint->url.text(),
                      "https://" + std::string(test.hosts[variant]) + "/");
            EXPECT_EQ(endpoint->signing_region, test.region);
        }
    }
}

TEST(Endpoint, NamesTheServiceToSignFor) {
    EXPECT_EQ(resolve_endpoint(Service::eventbridge, "us-east-1", {})->signing_name, "events");
    EXPECT_EQ(resolve_endpoint(Service::sqs, "us-east-1", {})->signing_name, "sqs");
    EXPECT_EQ(resolve_endpoint(Service::secrets_manager, "us-east-1", {})->signing_name,
              "secretsmanager");
    EXPECT_EQ(resolve_endpoint(Service::sts, "us-east-1", {})->signing_name, "sts");
}

TEST(Endpoint, TheNearestSettingWins) {
    std::map<std::string, std::string> variables;
    auto origin = [&](const std::string& override_url) {
        return resolve_endpoint(Service::eventbridge, "eu-west-1", environment(variables),
                                {override_url, {}, {}})
            ->url.origin();
    };
    EXPECT_EQ(origin(""), "https://events.eu-west-1.amazonaws.com");
    variables["AWS_ENDPOINT_URL"] = "http://all";
    EXPECT_EQ(origin(""), "http://all");
    variables["AWS_ENDPOINT_URL_SQS"] = "http://sqs";
    EXPECT_EQ(origin(""), "http://all");
    variables["AWS_ENDPOINT_URL_EVENTBRIDGE"] = "http://eventbridge";
    EXPECT_EQ(origin(""), "http://eventbridge");
    EXPECT_EQ(origin("http://directive"), "http://directive");
    variables["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "TRUE";
    EXPECT_EQ(origin(""), "https://events.eu-west-1.amazonaws.com");
    EXPECT_EQ(origin("http://directive"), "http://directive");
}

TEST(Endpoint, EveryServiceHasItsVariable) {
    auto env = environment({{"AWS_ENDPOINT_URL_EVENTBRIDGE", "http://eventbridge"},
                            {"AWS_ENDPOINT_URL_SQS", "http://sqs"},
                            {"AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://secrets_manager"},
                            {"AWS_ENDPOINT_URL_STS", "http://sts"}});
    for (Service service :
         {Service::eventbridge, Service::sqs, Service::secrets_manager, Service::sts}) {
        EXPECT_EQ(resolve_endpoint(service, "us-east-1", env)->url.scheme, "http");
    }
    for (const ServiceSetting& setting : endpoint_settings()) {
        EXPECT_EQ(env.get(setting.variable), "http://" + std::string(setting.name));
    }
}

TEST(Endpoint, SignsForTheRegionWhateverTheHost) {
    auto endpoint = resolve_endpoint(Service::eventbridge, "eu-west-1", {},
                                     {"https://VPCE-1.example:8443/prefix", {}, {}});
    ASSERT_TRUE(endpoint);
    EXPECT_EQ(endpoint->signing_region, "eu-west-1");
    EXPECT_EQ(endpoint->url.authority(), "vpce-1.example:8443");
    EXPECT_EQ(endpoint->url.path, "/prefix");
}

TEST(Endpoint, RefusesAContradictionAndSaysWhere) {
    auto env =
        environment({{"AWS_USE_FIPS_ENDPOINT", "true"}, {"AWS_ENDPOINT_URL", "http://x"}});
    auto endpoint = resolve_endpoint(Service::sqs, "us-east-1", env);
    ASSERT_FALSE(endpoint);
    EXPECT_EQ(endpoint.error().text,
              "AWS_USE_FIPS_ENDPOINT contradicts the endpoint \"http://x\" "
              "of AWS_ENDPOINT_URL: remove one of them");
}

TEST(Endpoint, RefusesWhatIsNoEndpoint) {
    auto endpoint = resolve_endpoint(Service::sqs, "us-east-1", {}, {"localhost:4566", {}, {}});
    ASSERT_FALSE(endpoint);
    EXPECT_EQ(endpoint.error().text.rfind("the endpoint directive: \"localhost:4566\"", 0), 0u);
    EXPECT_FALSE(resolve_endpoint(Service::sqs, "us-east-1", {}, {"http://x/?query", {}, {}}));
    for (const char* region :
         {"", "us east", "us-east-1.evil.example/", "-a", "a-", "US-EAST-1", "us_east_1"}) {
        EXPECT_FALSE(resolve_endpoint(Service::sqs, region, {})) << region;
    }
}

TEST(Endpoint, IsReachedAsTheEnvironmentSaysUnlessDirectivesDo) {
    const std::map<std::string, std::string> variables = {
        {"HTTPS_PROXY", "proxy:3128"},
        {"NO_PROXY", "example, .eu-west-1.amazonaws.com"},
        {"AWS_CA_BUNDLE", "/etc/ca.pem"},
        {"REQUESTS_CA_BUNDLE", "/etc/other.pem"},
    };
    const auto env = environment(variables);
    auto endpoint = resolve_endpoint(Service::sqs, "us-west-2", env);
    EXPECT_EQ(endpoint->proxy, "http://proxy:3128");
    EXPECT_EQ(endpoint->trusted_certificate, "/etc/ca.pem");
    EXPECT_EQ(resolve_endpoint(Service::sqs, "eu-west-1", env)->proxy, "");
    // What is asked in the clear is an emulator, or stands in the own network.
    EXPECT_EQ(resolve_endpoint(Service::sqs, "us-west-2", env, {"http://x", {}, {}})->proxy,
              "");

    endpoint = resolve_endpoint(Service::sqs, "eu-west-1", env,
                                {{}, "https://other:1", "/etc/own.pem"});
    EXPECT_EQ(endpoint->proxy, "https://other:1");
    EXPECT_EQ(endpoint->trusted_certificate, "/etc/own.pem");

    const auto only_requests = environment({{"REQUESTS_CA_BUNDLE", "/etc/other.pem"}});
    endpoint = resolve_endpoint(Service::sts, "us-west-2", only_requests);
    EXPECT_EQ(endpoint->proxy, "");
    EXPECT_EQ(endpoint->trusted_certificate, "/etc/other.pem");
}

TEST(Endpoint, OfStsMayBeTheFormerOne) {
    auto env = environment({{"AWS_STS_REGIONAL_ENDPOINTS", "Legacy"}});
    auto sts = resolve_endpoint(Service::sts, "eu-west-1", env);
    EXPECT_EQ(sts->url.host, "sts.amazonaws.com");
    EXPECT_EQ(sts->signing_region, "us-east-1");
    EXPECT_EQ(resolve_endpoint(Service::sts, "eu-south-1", env)->url.host,
              "sts.eu-south-1.amazonaws.com");
    EXPECT_EQ(resolve_endpoint(Service::sqs, "eu-west-1", env)->signing_region, "eu-west-1");
}

TEST(Bus, IsAName) {
    auto bus = parse_bus("my.bus-1_x");
    ASSERT_TRUE(bus);
    EXPECT_EQ(bus->name_or_arn, "my.bus-1_x");
    EXPECT_EQ(bus->name, "my.bus-1_x");
    EXPECT_EQ(bus->region, "");
    EXPECT_EQ(bus->account, "");
}

TEST(Bus, IsAnArn) {
    for (const char* partition : {"aws", "aws-cn", "aws-us-gov"}) {
        std::string arn = std::string("arn:") + partition +
                          ":events:eu-central-1:123456789012:event-bus/orders";
        auto bus = parse_bus(arn);
        ASSERT_TRUE(bus) << arn;
        EXPECT_EQ(bus->name_or_arn, arn);
        EXPECT_EQ(bus->name, "orders");
        EXPECT_EQ(bus->region, "eu-central-1");
        EXPECT_EQ(bus->account, "123456789012");
    }
}

TEST(Bus, RefusesEverythingElse) {
    for (const std::string& text :
         {std::string(), std::string("a b"), std::string("a/b"), std::string(257, 'a'),
          std::string("arn:aws:events:us-east-1:123456789012:event-bus/"),
          std::string("arn:aws:events:us-east-1:123456789012:event-bus/a/b"),
          std::string("arn:aws:events:us-east-1:12345678901:event-bus/a"),
          std::string("arn:aws:events::123456789012:event-bus/a"),
          std::string("arn:aws:events:us-east-1::event-bus/a"),
          std::string("arn:aws:events:us-east-1:123456789012:rule/a"),
          std::string("arn:aws:sqs:us-east-1:123456789012:event-bus/a"),
          std::string("arn:azure:events:us-east-1:123456789012:event-bus/a"),
          std::string("arn:aws:events:us-east-1"), std::string("arn:")}) {
        EXPECT_FALSE(parse_bus(text)) << text;
    }
}

TEST(Bus, RefusesVersion2AndSaysWhy) {
    auto bus = parse_bus("arn:aws:events:us-east-1:123456789012:event-busv2/orders/abc");
    ASSERT_FALSE(bus);
    EXPECT_NE(bus.error().text.find("version 2 bus"), std::string::npos);
    EXPECT_NE(bus.error().text.find("not supported yet"), std::string::npos);
}

TEST(Region, TheNearestSettingWins) {
    auto env = environment({{"AWS_REGION", "us-east-1"}, {"AWS_DEFAULT_REGION", "us-east-2"}});
    auto only_default = environment({{"AWS_DEFAULT_REGION", "us-east-2"}});
    EXPECT_EQ(*choose_region("eu-west-1", "", env), "eu-west-1");
    EXPECT_EQ(*choose_region("", "eu-west-2", env), "eu-west-2");
    EXPECT_EQ(*choose_region("", "", env), "us-east-1");
    EXPECT_EQ(*choose_region("", "", only_default), "us-east-2");
    EXPECT_EQ(*choose_region("", "", {}), "");
}

TEST(Region, OfADirectiveMustBeTheBuss) {
    EXPECT_EQ(*choose_region("eu-west-1", "eu-west-1", {}), "eu-west-1");
    auto region = choose_region("eu-west-1", "us-east-1", {});
    ASSERT_FALSE(region);
    EXPECT_EQ(region.error().text,
              "region \"eu-west-1\" contradicts the bus, which is in \"us-east-1\": remove the "
              "region");
}

TEST(Region, RefusesWhatIsNone) {
    EXPECT_FALSE(choose_region("us-west-2a b", "", {}));
    EXPECT_FALSE(choose_region("", "", environment({{"AWS_REGION", "x/y"}})));
}

}  // namespace
}  // namespace momento::aws
