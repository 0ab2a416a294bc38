#include "aws/profile_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "aws_environment.h"

namespace momento::aws {
namespace {

ProfileFile credentials_file(const std::string& text) {
    auto file = parse_profile_file(text, ProfileFileKind::credentials);
    EXPECT_TRUE(file) << file.error().text;
    return std::move(*file);
}

ProfileFile config_file(const std::string& text) {
    auto file = parse_profile_file(text, ProfileFileKind::config);
    EXPECT_TRUE(file) << file.error().text;
    return std::move(*file);
}

TEST(ProfileFile, ReadsSettingsOfSections) {
    ProfileFile file = credentials_file(
        "[default]\n"
        "aws_access_key_id = id\n"
        "AWS_Secret_Access_Key=a=b/c+d\n"
        "\n"
        "[ other ]\r\n"
        "aws_access_key_id\t=\tother id\r\n");
    EXPECT_EQ(file.get("default", "aws_access_key_id"), "id");
    EXPECT_EQ(file.get("default", "aws_secret_access_key"), "a=b/c+d");
    EXPECT_EQ(file.get("other", "aws_access_key_id"), "other id");
    EXPECT_EQ(file.get("other", "aws_secret_access_key"), "");
    EXPECT_EQ(file.get("missing", "aws_access_key_id"), "");
}

TEST(ProfileFile, OfAConfigFileHasProfilesBehindTheirKeyword) {
    ProfileFile file = config_file(
        "[default]\nregion = r0\n"
        "[profile a]\nregion = r1\n"
        "[profile \"b c\"]\nregion = r2\n"
        "[profile\td]\nregion = r3\n"
        "[e]\nregion = no profile\n"
        "[sso-session f]\nregion = no profile\n"
        "[profiles g]\nregion = no profile\n");
    EXPECT_EQ(file.get("default", "region"), "r0");
    EXPECT_EQ(file.get("a", "region"), "r1");
    EXPECT_EQ(file.get("b c", "region"), "r2");
    EXPECT_EQ(file.get("d", "region"), "r3");
    EXPECT_EQ(file.profiles.size(), 4u);
}

TEST(ProfileFile, PrefersTheDefaultThatIsCalledAProfile) {
    for (const char* text : {"[profile default]\nregion = right\n[default]\noutput = json\n",
                             "[default]\noutput = json\n[profile default]\nregion = right\n"}) {
        ProfileFile file = config_file(text);
        EXPECT_EQ(file.get("default", "region"), "right");
        EXPECT_EQ(file.get("default", "output"), "");
    }
}

TEST(ProfileFile, SkipsComments) {
    ProfileFile file = credentials_file(
        "# before any section\n"
        "[a] ; behind a section\n"
        "; a line\n"
        "  # an indented line\n"
        "region = r1 # behind a value\n"
        "output = x#y;z\n"
        "empty = ; nothing but this\n");
    EXPECT_EQ(file.get("a", "region"), "r1");
    EXPECT_EQ(file.get("a", "output"), "x#y;z");
    EXPECT_EQ(file.get("a", "empty"), "");
}

TEST(ProfileFile, ReadsNestedSettings) {
    ProfileFile file = config_file(
        "[profile a]\n"
        "services = local\n"
        "s3 =\n"
        "  max_bandwidth = 1MB/s\n"
        "\n"
        "  region = nested\n"
        "region = own\n"
        "[services local]\n"
        "eventbridge =\n"
        "    endpoint_url = http://localhost:1\n");
    EXPECT_EQ(file.get("a", "s3.max_bandwidth"), "1MB/s");
    EXPECT_EQ(file.get("a", "s3.region"), "nested");
    EXPECT_EQ(file.get("a", "region"), "own");
    EXPECT_EQ(file.services["local"]["eventbridge.endpoint_url"], "http://localhost:1");
}

TEST(ProfileFile, ContinuesAValueOnIndentedLines) {
    ProfileFile file = config_file("[default]\na = one\n  two = 2\n\tthree\nb = 1\n");
    EXPECT_EQ(file.get("default", "a"), "one\ntwo = 2\nthree");
    EXPECT_EQ(file.get("default", "b"), "1");
}

TEST(ProfileFile, TakesSectionsWhoseEveryLineIsIndented) {
    ProfileFile file = credentials_file("[a]\n  aws_access_key_id = id\n  region = r\n");
    EXPECT_EQ(file.get("a", "aws_access_key_id"), "id");
    EXPECT_EQ(file.get("a", "region"), "r");
}

TEST(ProfileFile, OfARepeatedSettingTheLastCounts) {
    ProfileFile file = credentials_file("[a]\nx = 1\nx = 2\n[b]\n[a]\ny = 3\n");
    EXPECT_EQ(file.get("a", "x"), "2");
    EXPECT_EQ(file.get("a", "y"), "3");
    EXPECT_EQ(file.profiles.count("b"), 1u);
}

TEST(ProfileFile, TakesAByteOrderMarkAndNoLastNewline) {
    EXPECT_EQ(credentials_file("\xef\xbb\xbf[a]\nx = 1").get("a", "x"), "1");
    EXPECT_TRUE(credentials_file("").profiles.empty());
}

TEST(ProfileFile, SaysWhichLineIsWrongAndQuotesNone) {
    for (const char* text : {"\nhunter2 = 1\n", "[a]\nhunter2\n", "[a]\n= hunter2\n",
                             "[a]\n[hunter2\n", "[a]\n[b] hunter2\n"}) {
        auto file = parse_profile_file(text, ProfileFileKind::config);
        ASSERT_FALSE(file) << text;
        EXPECT_EQ(file.error().text.rfind("line 2: ", 0), 0u) << file.error().text;
        EXPECT_EQ(file.error().text.find("hunter2"), std::string::npos);
    }
}

class ProfileFilesTest : public testing::Test {
  protected:
    ProfileFilesTest() {
        std::string pattern = testing::TempDir() + "momento_profiles_XXXXXX";
        home_ = mkdtemp(pattern.data());
        mkdir((home_ + "/.aws").c_str(), 0700);
    }
    ~ProfileFilesTest() override {
        for (const char* name : {"/.aws/credentials", "/.aws/config", "/.aws", ""}) {
            std::remove((home_ + name).c_str());
        }
    }

    void write(const std::string& name, const std::string& text) {
        std::ofstream(home_ + name) << text;
    }

    EnvironmentSnapshot environment(std::map<std::string, std::string> variables = {}) {
        variables.emplace("HOME", home_);
        return aws::environment(variables);
    }

    std::string home_;
};

TEST_F(ProfileFilesTest, AreFoundBelowHomeOrWhereVariablesPoint) {
    auto env = environment();
    EXPECT_EQ(profile_path(env, ProfileFileKind::credentials).path,
              home_ + "/.aws/credentials");
    EXPECT_EQ(profile_path(env, ProfileFileKind::config).path, home_ + "/.aws/config");

    env = environment({{"AWS_SHARED_CREDENTIALS_FILE", "/etc/c"}, {"AWS_CONFIG_FILE", "~/x"}});
    EXPECT_EQ(profile_path(env, ProfileFileKind::credentials).path, "/etc/c");
    EXPECT_EQ(profile_path(env, ProfileFileKind::config).path, home_ + "/x");

    EXPECT_EQ(profile_path({}, ProfileFileKind::config).path, "");
}

TEST_F(ProfileFilesTest, TheCredentialsFileWins) {
    write("/.aws/credentials", "[default]\nregion = credentials\n");
    write("/.aws/config", "[default]\nregion = config\noutput = config\n");
    EXPECT_EQ(*profile_setting(environment(), "", "region"), "credentials");
    EXPECT_EQ(*profile_setting(environment(), "", "output"), "config");
}

TEST_F(ProfileFilesTest, TheProfileIsTheNamedOneThenTheVariablesThenDefault) {
    write("/.aws/config",
          "[default]\nregion=r0\n[profile a]\nregion=r1\n[profile b]\nregion=r2");
    EXPECT_EQ(*profile_setting(environment(), "", "region"), "r0");
    EXPECT_EQ(*profile_setting(environment({{"AWS_PROFILE", "a"}}), "", "region"), "r1");
    EXPECT_EQ(*profile_setting(environment({{"AWS_PROFILE", "a"}}), "b", "region"), "r2");
    EXPECT_EQ(*profile_setting(environment(), "missing", "region"), "");
}

TEST_F(ProfileFilesTest, TheServicesOwnEndpointWins) {
    write("/.aws/config",
          "[default]\nendpoint_url = http://all\nservices = local\n"
          "[services local]\nsqs =\n  endpoint_url = http://sqs\n");
    EXPECT_EQ(*profile_endpoint(environment(), "", "sqs"), "http://sqs");
    EXPECT_EQ(*profile_endpoint(environment(), "", "eventbridge"), "http://all");
    EXPECT_EQ(*profile_endpoint(environment(), "other", "sqs"), "");
}

TEST_F(ProfileFilesTest, MayBeMissing) {
    EXPECT_EQ(*profile_setting(environment(), "", "region"), "");
    EXPECT_EQ(*profile_setting({}, "", "region"), "");
}

TEST_F(ProfileFilesTest, OnlyOneThatWasNamedMustBeReadable) {
    if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
    write("/.aws/config", "[default]\nregion = r\n");
    chmod((home_ + "/.aws/config").c_str(), 0);
    EXPECT_EQ(*profile_setting(environment(), "", "region"), "");
    auto named = environment({{"AWS_CONFIG_FILE", home_ + "/.aws/config"}});
    EXPECT_FALSE(profile_setting(named, "", "region"));
}

TEST_F(ProfileFilesTest, AnErrorNamesFileAndLine) {
    write("/.aws/config", "[default]\nregion\n");
    auto region = profile_setting(environment(), "", "region");
    ASSERT_FALSE(region);
    EXPECT_EQ(region.error().text,
              "\"" + home_ + "/.aws/config\", line 2: a setting has no \"=\"");
}

}  // namespace
}  // namespace momento::aws
