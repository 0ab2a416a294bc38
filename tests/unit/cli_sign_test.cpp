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

TEST(Momentoctl, HelpsWithEachCommandAloneAndWithGroups) {
    Ran overview = run({"help"});
    EXPECT_EQ(overview.status, 0);
    EXPECT_EQ(overview.out, run({"--help"}).out);
    for (const Command* command : commands()) {
        EXPECT_NE(overview.out.find("\n  " + command->name + " "), std::string::npos);
        Arguments words = {"help"};
        std::istringstream name(command->name);
        for (std::string word; name >> word;) words.push_back(word);
        Ran help = run(words);
        EXPECT_EQ(help.status, 0) << command->name;
        EXPECT_EQ(help.out.rfind("usage: momentoctl " + command->name, 0), 0u);
        for (const Option& option : command->options) {
            EXPECT_NE(help.out.find("\n  " + option.name), std::string::npos) << option.name;
        }
        Arguments other(words.begin() + 1, words.end());
        other.emplace_back("--help");
        EXPECT_EQ(run(other).out, help.out);
    }
    for (const Arguments& words : {Arguments{"help", "dead"}, Arguments{"dead", "--help"}}) {
        Ran group = run(words);
        EXPECT_EQ(group.status, 0);
        EXPECT_NE(group.out.find("\n  dead redrive "), std::string::npos);
        EXPECT_EQ(group.out.find("spool"), std::string::npos);
    }
    EXPECT_EQ(run({"help", "dead", "redirve"}).err,
              "momentoctl: unknown command \"dead redirve\", did you mean \"dead redrive\"?\n");
}

TEST(Momentoctl, TellsItsVersion) {
    const std::string version = run({"--version"}).out;
    EXPECT_EQ(version.rfind("momentoctl ", 0), 0u);
    EXPECT_EQ(run({"version"}).out, version);
    EXPECT_EQ(run({"-V"}).out, version);
    EXPECT_EQ(run({"version", "--json"}).out.rfind("{\"version\":\"", 0), 0u);
}

// Given::find() ends the process where a command asks for what its table has not.
TEST(Momentoctl, AsksForNoOptionThatItsTableHasNot) {
    for (const Command* command : commands()) {
        Arguments words;
        std::istringstream name(command->name);
        for (std::string word; name >> word;) words.push_back(word);
        words.insert(words.end(), {"/no/such/spool/bus", "/no/such/spool/other"});
        EXPECT_EQ(run(words).status, 2) << command->name;
    }
}

TEST(Sign, PrintsJsonWhereAsked) {
    Ran ran = run({"sign", "--secret", "k", "--json"}, "body");
    EXPECT_EQ(ran.out.rfind("{\"signature\":\"", 0), 0u) << ran.out;
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
