#include <gtest/gtest.h>

#include "cli_run.h"

namespace momento::cli {
namespace {

TEST(Sign, PrintsTheDocumentedSignatureOfTheBytesAsTheyAre) {
    // Vector of Momento's own SDK; its inner blanks do not survive any rewriting.
    Ran signed_body = run({"sign", "--secret", "1234567890"},
                          R"({"text":"some text", "another_field": "another field" })");
    EXPECT_EQ(signed_body.status, 0);
    EXPECT_EQ(signed_body.out,
              "b43f72787eb66410ff110295b036ef828e5686af21b414ce092f02c05deea3da\n");
    EXPECT_EQ(signed_body.err, "");
}

TEST(Sign, KeepsATrailingNewlineAndZeroBytesOfTheBody) {
    Ran plain = run({"sign", "--secret=k"}, "a");
    Ran newline = run({"sign", "--secret=k"}, "a\n");
    Ran zero = run({"sign", "--secret=k"}, std::string("a\0", 2));
    EXPECT_NE(plain.out, newline.out);
    EXPECT_NE(plain.out, zero.out);
}

TEST(Sign, SignsAnEmptyBody) {
    EXPECT_EQ(run({"sign", "--secret", "1234567890"}).out,
              "59d953a11c9670613ffa87ba1946ee25e3d2b0ed8085dcd13f7b84938f4b62f0\n");
}

TEST(Sign, TakesTheSecretFromTheEnvironment) {
    auto environment = [](const std::string& name) {
        return name == "HOOK_SECRET" ? "1234567890" : nullptr;
    };
    EXPECT_EQ(run({"sign", "--secret", "env:HOOK_SECRET"}, "", environment).out,
              run({"sign", "--secret", "1234567890"}).out);
}

TEST(Sign, CannotRunWithoutASecretAndSaysWhichSettingIsMeant) {
    Ran missing = run({"sign"});
    EXPECT_EQ(missing.status, 2);
    EXPECT_EQ(missing.out, "");
    EXPECT_EQ(missing.err,
              "momentoctl sign: \"--secret\" is missing, give file:PATH or env:NAME\n");

    for (const char* source :
         {"", "env:NO_SUCH_VARIABLE", "file:/no/such/file", "secretsmanager:hooks"}) {
        Ran bad = run({"sign", "--secret", source});
        EXPECT_EQ(bad.status, 2) << source;
        EXPECT_EQ(bad.out, "") << source;
        EXPECT_EQ(bad.err.rfind("momentoctl sign: --secret: ", 0), 0u) << bad.err;
    }
}

TEST(Momentoctl, PrintsAnOverviewAndTheHelpOfEachCommand) {
    Ran overview = run({"--help"});
    EXPECT_EQ(overview.status, 0);
    EXPECT_NE(overview.out.find("\n  sign "), std::string::npos);
    EXPECT_NE(overview.out.find("\n  send "), std::string::npos);

    for (const char* command : {"sign", "send"}) {
        Ran help = run({command, "--secret", "x", "--help"});
        EXPECT_EQ(help.status, 0);
        EXPECT_EQ(help.out.rfind(std::string("usage: momentoctl ") + command, 0), 0u);
        EXPECT_NE(help.out.find("(ps)"), std::string::npos) << "warns of secrets in ps";
    }
}

TEST(Momentoctl, RefusesUnknownCommandsWithAHint) {
    Ran unknown = run({"sing"});
    EXPECT_EQ(unknown.status, 2);
    EXPECT_EQ(unknown.err, "momentoctl: unknown command \"sing\", did you mean \"sign\"?\n");
    EXPECT_EQ(run({}).status, 2);
    EXPECT_NE(run({}).err.find("usage:"), std::string::npos);
}

TEST(Momentoctl, SaysSoWhenItsOutputCannotBeWritten) {
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    out.setstate(std::ios::badbit);
    Console console{in, out, err, {}};
    EXPECT_EQ(run_momentoctl({"--version"}, console), 2);
    EXPECT_EQ(err.str(), "momentoctl: cannot write to standard output\n");
}

}  // namespace
}  // namespace momento::cli
