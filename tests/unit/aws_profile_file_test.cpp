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
    ProfileFile file = parse_profile_file(text, ProfileFileKind::credentials);
    EXPECT_TRUE(file.problems.empty()) << file.problems.front().text;
    return file;
}

ProfileFile config_file(const std::string& text) {
    ProfileFile file = parse_profile_file(text, ProfileFileKind::config);
    EXPECT_TRUE(file.problems.empty()) << file.problems.front().text;
    return file;
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
        "[profile g h]\nregion = no profile\n"
        "[profile \"i]\nregion = no profile\n");
    EXPECT_EQ(file.get("default", "region"), "r0");
    EXPECT_EQ(file.get("a", "region"), "r1");
    EXPECT_EQ(file.get("b c", "region"), "r2");
    EXPECT_EQ(file.get("d", "region"), "r3");
    EXPECT_EQ(file.profiles.size(), 4u);
}

TEST(ProfileFile, OfTwoDefaultsTheLastOneCounts) {
    for (const char* text : {"[profile default]\noutput = json\n[default]\nregion = right\n",
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
    EXPECT_EQ(file.services["local"].settings["eventbridge.endpoint_url"].value,
              "http://localhost:1");
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

TEST(ProfileFile, ReadsWhatOtherToolsWrite) {
    ProfileFile file = config_file(
        "[profile x] /* not for us */\n"
        "region: r1\n"
        "Role_Arn : arn:aws:iam::1:role/x = y\n"
        "[DEFAULT]\noutput = json\n"
        "[profile 'y z']\nregion = r2\routput=text\n");
    EXPECT_EQ(file.get("x", "region"), "r1");
    EXPECT_EQ(file.get("x", "role_arn"), "arn:aws:iam::1:role/x = y");
    EXPECT_EQ(file.get("x", "output"), "json");
    EXPECT_EQ(file.get("y z", "region"), "r2");
    EXPECT_EQ(file.get("y z", "output"), "text");
    EXPECT_EQ(file.find("y z", "region")->line, 7u);
}

TEST(ProfileFile, TakesAByteOrderMarkAndNoLastNewline) {
    EXPECT_EQ(credentials_file("\xef\xbb\xbf[a]\nx = 1").get("a", "x"), "1");
    EXPECT_TRUE(credentials_file("").profiles.empty());
}

struct OddLine {
    const char* text;
    const char* problem;
    const char* section;
};

TEST(ProfileFile, SaysWhichLineIsOddAndQuotesNone) {
    for (const OddLine& odd : {
             OddLine{"\nhunter2 = 1\n", "a setting stands before the first section", ""},
             OddLine{"[a]\nhunter2\n", "a setting has no \"=\"", "a"},
             OddLine{"[a]\n= hunter2\n", "a setting has no name", "a"},
             OddLine{"[a]\n[hunter2\n", "a section's name has no \"]\"", "a"},
             OddLine{"[a]\n[a]\nx = 1\n", "the section stands there a second time", "a"},
             OddLine{"[a]x=hunter2\nx =\ny = 2\n[b]\ny = 3\ny = hunter2\n", "", "b"},
             OddLine{"[a]\nhunter2\n", "a setting has no \"=\"", "a"},
         }) {
        ProfileFile file = parse_profile_file(odd.text, ProfileFileKind::credentials);
        ASSERT_EQ(file.problems.size(), 1u) << odd.text;
        EXPECT_EQ(file.problems[0].section, odd.section);
        EXPECT_EQ(file.problems[0].text.find("hunter2"), std::string::npos);
        if (!odd.problem[0]) continue;
        EXPECT_EQ(file.problems[0].line, 2u) << odd.text;
        EXPECT_EQ(file.problems[0].text, odd.problem);
    }
}

TEST(ProfileFile, ReadsOnBehindAnOddLine) {
    ProfileFile file = parse_profile_file(
        "odd\n[profile a]\nodd\nregion = r1\nregion = r2\n[profile b]\nregion = r3\n",
        ProfileFileKind::config);
    EXPECT_EQ(file.get("a", "region"), "r2");
    EXPECT_EQ(file.get("b", "region"), "r3");
    ASSERT_EQ(file.problems.size(), 3u);
    EXPECT_EQ(file.problems[1].section, "profile a");
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
    const auto files = read_profile_files(environment());
    EXPECT_EQ(files->get("default", "region"), "credentials");
    EXPECT_EQ(files->get("default", "output"), "config");
    EXPECT_EQ(files->describe("default", "output"),
              "\"output\" of profile \"default\" (\"" + home_ + "/.aws/config\", line 3)");
}

TEST_F(ProfileFilesTest, MayBeMissing) {
    for (const auto& env : {environment(), EnvironmentSnapshot()}) {
        EXPECT_FALSE(read_profile_files(env)->has("default"));
    }
}

TEST_F(ProfileFilesTest, OnlyOneThatWasNamedMustBeReadable) {
    if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
    write("/.aws/config", "[default]\nregion = r\n");
    chmod((home_ + "/.aws/config").c_str(), 0);
    EXPECT_EQ(read_profile_files(environment())->config.closed_path, home_ + "/.aws/config");
    auto named = environment({{"AWS_CONFIG_FILE", home_ + "/.aws/config"}});
    EXPECT_FALSE(read_profile_files(named));
}

TEST_F(ProfileFilesTest, ACheckNamesFileAndLine) {
    write("/.aws/config", "[default]\nregion\n[profile a]\nregion = r\n");
    const auto files = read_profile_files(environment());
    const Status status = files->check("default");
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().text,
              "\"" + home_ + "/.aws/config\", line 2: a setting has no \"=\"");
    EXPECT_TRUE(files->check("a"));
    EXPECT_TRUE(files->check("missing"));
}

TEST(ProfileName, IsTheNamedOneThenTheVariablesThenDefault) {
    EXPECT_EQ(profile_name({}, ""), "default");
    EXPECT_EQ(profile_name(environment({{"AWS_DEFAULT_PROFILE", "a"}}), ""), "a");
    EXPECT_EQ(profile_name(environment({{"AWS_PROFILE", "b"}}), ""), "b");
    EXPECT_EQ(profile_name(environment({{"AWS_PROFILE", "b"}}), "c"), "c");
}

}  // namespace
}  // namespace momento::aws
