#include "aws/configuration.h"

#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "aws/endpoints.h"
#include "aws_environment.h"

namespace momento::aws {
namespace {

class ConfigurationTest : public testing::Test {
  protected:
    ConfigurationTest() {
        std::string pattern = testing::TempDir() + "momento_configuration_XXXXXX";
        directory_ = mkdtemp(pattern.data());
        variables_["AWS_CONFIG_FILE"] = path("config");
        variables_["AWS_SHARED_CREDENTIALS_FILE"] = path("credentials");
    }
    ~ConfigurationTest() override {
        for (const char* name : {"/config", "/credentials", ""}) {
            std::remove((directory_ + name).c_str());
        }
    }

    std::string path(const std::string& name) const { return directory_ + '/' + name; }
    void write(const std::string& text) { std::ofstream(path("config")) << text; }

    Result<Configuration> read(const std::string& profile = {}) {
        return read_configuration(environment(variables_), profile);
    }
    std::string get(const std::string& variable) { return read()->environment.get(variable); }

    std::string refusal(const std::string& profile = {}) {
        const auto configuration = read(profile);
        return configuration ? "" : configuration.error().text;
    }

    std::string directory_;
    std::map<std::string, std::string> variables_;
};

struct Heeded {
    const char* setting;
    const char* variable;
    const char* value;
};

TEST_F(ConfigurationTest, TheProfileSpeaksWhereNoVariableDoes) {
    for (const Heeded& heeded : {
             Heeded{"ca_bundle", "AWS_CA_BUNDLE", "/etc/ca.pem"},
             Heeded{"ec2_metadata_service_endpoint", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "x"},
             Heeded{"ec2_metadata_service_endpoint_mode",
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6"},
             Heeded{"ec2_metadata_v1_disabled", "AWS_EC2_METADATA_V1_DISABLED", "false"},
             Heeded{"endpoint_url", "AWS_ENDPOINT_URL", "http://x"},
             Heeded{"ignore_configured_endpoint_urls", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                    "True"},
             Heeded{"imds_use_ipv6", "AWS_IMDS_USE_IPV6", "true"},
             Heeded{"metadata_service_num_attempts", "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2"},
             Heeded{"metadata_service_timeout", "AWS_METADATA_SERVICE_TIMEOUT", "3"},
             Heeded{"region", "AWS_DEFAULT_REGION", "eu-west-1"},
             Heeded{"sts_regional_endpoints", "AWS_STS_REGIONAL_ENDPOINTS", "legacy"},
             Heeded{"use_dualstack_endpoint", "AWS_USE_DUALSTACK_ENDPOINT", "TRUE"},
             Heeded{"use_fips_endpoint", "AWS_USE_FIPS_ENDPOINT", "true"},
         }) {
        write("[default]\n" + std::string(heeded.setting) + " = " + heeded.value + "\n");
        variables_.erase(heeded.variable);
        const auto configuration = read();
        ASSERT_TRUE(configuration) << configuration.error().text;
        const EnvironmentSnapshot& env = configuration->environment;
        EXPECT_EQ(env.get(heeded.variable), heeded.value);
        EXPECT_EQ(env.source(heeded.variable), '"' + std::string(heeded.setting) +
                                                   "\" of profile \"default\" (\"" +
                                                   path("config") + "\", line 2)");
        EXPECT_TRUE(configuration->warnings.empty());

        variables_[heeded.variable] =
            heeded.setting == std::string("sts_regional_endpoints") ? "regional" : "false";
        EXPECT_EQ(get(heeded.variable), variables_[heeded.variable]);
        EXPECT_EQ(read()->environment.source(heeded.variable), heeded.variable);
        variables_.erase(heeded.variable);
    }
}

TEST_F(ConfigurationTest, OfWhicheverProfileIsInUse) {
    write("[default]\nregion=r0\n[profile a]\nregion=r1\n[profile b]\nregion=r2");
    EXPECT_EQ(get("AWS_DEFAULT_REGION"), "r0");
    variables_["AWS_DEFAULT_PROFILE"] = "a";
    EXPECT_EQ(get("AWS_DEFAULT_REGION"), "r1");
    EXPECT_EQ(read("b")->environment.get("AWS_DEFAULT_REGION"), "r2");
    EXPECT_EQ(read("missing")->environment.get("AWS_DEFAULT_REGION"), "");
    variables_["AWS_PROFILE"] = "b";
    EXPECT_EQ(refusal(),
              "AWS_PROFILE is \"b\" and AWS_DEFAULT_PROFILE is \"a\", and AWS's tools disagree "
              "about which one counts: remove one");
    EXPECT_EQ(read("b")->environment.get("AWS_DEFAULT_REGION"), "r2");
    variables_["AWS_DEFAULT_PROFILE"] = "b";
    variables_["AWS_REGION"] = "r3";
    EXPECT_EQ(get("AWS_DEFAULT_REGION"), "");
}

TEST_F(ConfigurationTest, AServicesOwnEndpointStandsBehindEveryVariable) {
    write(
        "[default]\nendpoint_url = http://all\nservices = local\n"
        "[services local]\nsqs =\n  endpoint_url = http://sqs\n");
    EXPECT_EQ(get("AWS_ENDPOINT_URL_SQS"), "http://sqs");
    EXPECT_EQ(get("AWS_ENDPOINT_URL"), "http://all");
    EXPECT_EQ(read()->environment.source("AWS_ENDPOINT_URL_SQS"),
              "\"endpoint_url\" of \"sqs\" (\"" + path("config") + "\", line 6)");
    variables_["AWS_ENDPOINT_URL_SQS"] = "http://own";
    EXPECT_EQ(get("AWS_ENDPOINT_URL_SQS"), "http://own");
    variables_.erase("AWS_ENDPOINT_URL_SQS");
    variables_["AWS_ENDPOINT_URL"] = "http://every";
    EXPECT_EQ(get("AWS_ENDPOINT_URL_SQS"), "");
    EXPECT_EQ(get("AWS_ENDPOINT_URL"), "http://every");
}

TEST_F(ConfigurationTest, RefusesWhatWouldSendDataElsewhere) {
    const std::string in_file = " of profile \"default\" (\"" + path("config") + "\", line 2)";
    write("[default]\nuse_fips_endpoint = yes\n");
    EXPECT_EQ(refusal(), "\"use_fips_endpoint\"" + in_file +
                             " is \"yes\": \"true\" or \"false\" is expected");
    write("[default]\nservices = nowhere\n");
    EXPECT_EQ(refusal(),
              "\"services\"" + in_file +
                  " names \"nowhere\": there is no section \"[services nowhere]\" in "
                  "\"" +
                  path("config") + '"');
    variables_["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
    EXPECT_EQ(refusal(), "");
    write("");
    variables_["AWS_USE_DUALSTACK_ENDPOINT"] = "1";
    EXPECT_EQ(refusal(),
              "AWS_USE_DUALSTACK_ENDPOINT is \"1\": \"true\" or \"false\" is expected");
    variables_["AWS_USE_DUALSTACK_ENDPOINT"] = "true";
    variables_["AWS_STS_REGIONAL_ENDPOINTS"] = "global";
    EXPECT_EQ(
        refusal(),
        "AWS_STS_REGIONAL_ENDPOINTS is \"global\": \"regional\" or \"legacy\" is expected");
}

TEST_F(ConfigurationTest, AProfilesFipsContradictsAnEndpointByName) {
    write("[default]\nuse_fips_endpoint = true\n");
    variables_["AWS_ENDPOINT_URL"] = "http://x";
    const auto endpoint = resolve_endpoint(Service::sqs, "us-east-1", read()->environment);
    ASSERT_FALSE(endpoint);
    EXPECT_EQ(
        endpoint.error().text,
        "\"use_fips_endpoint\" of profile \"default\" (\"" + path("config") +
            "\", line 2) contradicts the endpoint \"http://x\" of AWS_ENDPOINT_URL: remove "
            "one of them");
}

TEST_F(ConfigurationTest, WarnsOfWhatIsNotHeeded) {
    write("[default]\nretry_mode = adaptive\n[profile other]\nmax_attempts = 3\n");
    variables_["AWS_DEFAULTS_MODE"] = "standard";
    EXPECT_EQ(
        read()->warnings,
        (std::vector<std::string>{
            "AWS_DEFAULTS_MODE is not heeded: \"timeout\" and \"retry\" of the destination "
            "count",
            "\"retry_mode\" of profile \"default\" (\"" + path("config") +
                "\", line 2) is not heeded: \"retry\" of the destination counts"}));
}

TEST_F(ConfigurationTest, AnOddLineOfAProfileThatIsNotInUseIsAWarning) {
    write(
        "[default]\nregion = r0\n[profile x]\nodd\n[profile y]\nregion = r1\n"
        "source_profile = x\n");
    EXPECT_EQ(read()->warnings,
              (std::vector<std::string>{"\"" + path("config") +
                                        "\", line 4: a setting has no \"=\"; passed over, but "
                                        "AWS's tools refuse the whole file for it"}));
    EXPECT_EQ(get("AWS_DEFAULT_REGION"), "r0");
    const std::string refused = "\"" + path("config") +
                                "\", line 4: a setting has no \"=\", and profile \"x\" is in "
                                "use: correct it";
    EXPECT_EQ(refusal("x"), refused);
    EXPECT_EQ(refusal("y"), refused);  // y takes its credentials from x
}

TEST_F(ConfigurationTest, OddLinesAreNotToldWithoutEnd) {
    std::string text = "[default]\nregion = r0\n[profile x]\n";
    for (int i = 0; i < 100; ++i) text += "odd\n";
    write(text);
    const auto configuration = read();
    ASSERT_EQ(configuration->warnings.size(), 6u);
    EXPECT_EQ(configuration->warnings.back(),
              "\"" + path("config") + "\": 95 more lines cannot be read and are passed over");
}

TEST_F(ConfigurationTest, KnowsWhichFilesWereThere) {
    write("");
    const EnvironmentSnapshot env = read()->environment;
    EXPECT_TRUE(env.saw_profile_file(path("config")));
    EXPECT_FALSE(env.saw_profile_file(path("credentials")));
    EXPECT_FALSE(env.saw_profile_file(""));
}

TEST(Environment, LowerCaseNamesOfProxiesGoFirst) {
    auto env = environment({{"HTTPS_PROXY", "a"}, {"https_proxy", "b"}, {"NO_PROXY", "c"}});
    EXPECT_EQ(env.get("HTTPS_PROXY"), "b");
    EXPECT_EQ(env.source("HTTPS_PROXY"), "https_proxy");
    EXPECT_EQ(env.get("NO_PROXY"), "c");
    EXPECT_EQ(environment({{"HTTPS_PROXY", "a"}, {"https_proxy", ""}}).get("HTTPS_PROXY"), "");
}

}  // namespace
}  // namespace momento::aws
