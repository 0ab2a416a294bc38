#include "ingest/secrets.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace momento {
namespace {

using Kind = SecretSource::Kind;

SecretSource parse_source(std::string_view text) {
    auto source = SecretSource::parse(text);
    EXPECT_TRUE(source) << text;
    return *source;
}

std::string extract(std::string_view source, std::string_view content) {
    auto secret = extract_secret(parse_source(source), content);
    return secret ? std::string(secret->bytes()) : "error: " + secret.error().text;
}

const char* no_environment(const std::string&) {
    return nullptr;
}

TEST(SecretSource, ReadsEveryKind) {
    struct {
        const char* text;
        Kind kind;
        const char* location;
        const char* member;
        const char* name;
    } cases[] = {
        {"file:/etc/m.secret", Kind::file, "/etc/m.secret", "momentoSecret",
         "file:/etc/m.secret"},
        {"file:/etc/m#chat", Kind::file, "/etc/m", "chat", "file:/etc/m#chat"},
        {"file:/etc/a#b#chat", Kind::file, "/etc/a#b", "chat", "file:/etc/a#b#chat"},
        {"env:SECRET", Kind::environment, "SECRET", "momentoSecret", "env:SECRET"},
        {"env:SECRET#a", Kind::environment, "SECRET", "a", "env:SECRET#a"},
        {"secretsmanager:hooks#chat", Kind::secrets_manager, "hooks", "chat",
         "secretsmanager:hooks#chat"},
        {"secretsmanager:arn:aws:secretsmanager:us-west-2:1:secret:hooks-AbC",
         Kind::secrets_manager, "arn:aws:secretsmanager:us-west-2:1:secret:hooks-AbC",
         "momentoSecret", "secretsmanager:arn:aws:secretsmanager:us-west-2:1:secret:hooks-AbC"},
        {"1234567890", Kind::plain, "1234567890", "momentoSecret", "plain"},
        {"a#b", Kind::plain, "a#b", "momentoSecret", "plain"},
        {"files:x", Kind::plain, "files:x", "momentoSecret", "plain"},
        {"FILE:x", Kind::plain, "FILE:x", "momentoSecret", "plain"},
    };
    for (const auto& test : cases) {
        SecretSource source = parse_source(test.text);
        EXPECT_EQ(source.kind, test.kind) << test.text;
        EXPECT_EQ(source.location, test.location);
        EXPECT_EQ(source.member, test.member);
        EXPECT_EQ(source.name(), test.name);
    }
}

TEST(SecretSource, RefusesWhatNamesNothing) {
    auto error = [](std::string_view text) { return SecretSource::parse(text).error().text; };
    EXPECT_EQ(error(""), "the secret is empty");
    EXPECT_EQ(error("file:"), "secret \"file:\" names no file");
    EXPECT_EQ(error("env:#a"), "secret \"env:#a\" names no environment variable");
    EXPECT_EQ(error("secretsmanager:"), "secret \"secretsmanager:\" names no secret");
    EXPECT_EQ(error("file:/a#"), "secret \"file:/a#\" names no member behind \"#\"");
}

TEST(ExtractSecret, TakesTheMemberOfAJsonObject) {
    EXPECT_EQ(extract("env:S", R"({"momentoSecret":"abc","other":1})"), "abc");
    EXPECT_EQ(extract("env:S", " \n{ \"momentoSecret\" : \"a\\u00e9\\n\" }\n"), "a\303\251\n");
    EXPECT_EQ(extract("env:S#chat", R"({"momentoSecret":"abc","chat":"def"})"), "def");
    EXPECT_EQ(extract(R"({"momentoSecret":"abc"})", R"({"momentoSecret":"abc"})"), "abc");
}

TEST(ExtractSecret, NamesTheSourceAndTheMemberThatIsNotThere) {
    EXPECT_EQ(extract("file:/s", R"({"MomentoSecret":"abc"})"),
              "error: secret \"file:/s\" has no member \"momentoSecret\"");
    EXPECT_EQ(extract("file:/s#chat", "{}"),
              "error: secret \"file:/s#chat\" has no member \"chat\"");
    for (const char* content : {R"({"chat":1})", R"({"chat":null})", R"({"chat":["x"]})"}) {
        EXPECT_EQ(extract("env:S#chat", content),
                  "error: secret \"env:S#chat\" has no string in member \"chat\"");
    }
    EXPECT_EQ(extract("env:S#chat", R"({"chat":""})"),
              "error: secret \"env:S#chat\" has an empty member \"chat\"");
    EXPECT_EQ(extract("env:S#chat", "abc"),
              "error: secret \"env:S#chat\" is no JSON object: it has no member \"chat\"");
}

TEST(ExtractSecret, TakesAnythingElseWholeLessOneNewline) {
    EXPECT_EQ(extract("env:S", "abc"), "abc");
    EXPECT_EQ(extract("env:S", "abc\n"), "abc");
    EXPECT_EQ(extract("env:S", "abc\r\n"), "abc");
    EXPECT_EQ(extract("env:S", "abc\n\n"), "abc\n");
    EXPECT_EQ(extract("env:S", "abc\r\n\r\n"), "abc\r\n");
    EXPECT_EQ(extract("env:S", "abc\r"), "abc\r");
    EXPECT_EQ(extract("env:S", " abc "), " abc ");
    EXPECT_EQ(extract("env:S", "[\"abc\"]"), "[\"abc\"]");
    EXPECT_EQ(extract("env:S", "\"abc\""), "\"abc\"");
    EXPECT_EQ(extract("env:S", "{abc"), "{abc");
    EXPECT_EQ(extract("env:S", std::string_view("a\0b\n", 4)), std::string("a\0b", 3));
}

TEST(ExtractSecret, RefusesAnEmptySecret) {
    for (const char* content : {"", "\n", "\r\n"}) {
        EXPECT_EQ(extract("file:/s", content), "error: secret \"file:/s\" is empty");
    }
}

TEST(ExtractSecret, ErrorsNeverQuoteTheContent) {
    for (const char* content :
         {R"({"hunter2":"hunter2"})", R"({"momentoSecret":["hunter2"]})"}) {
        EXPECT_EQ(extract("env:S", content).find("hunter2"), std::string::npos);
        auto plain = extract_secret(parse_source(content), content);
        ASSERT_FALSE(plain);
        EXPECT_EQ(plain.error().text.find("hunter2"), std::string::npos);
    }
}

TEST(LoadSecret, ReadsPlainAndEnvironment) {
    auto environment = [](const std::string& name) {
        return name == "SECRET" ? "{\"a\":\"from the environment\"}" : nullptr;
    };
    EXPECT_EQ(load_secret(parse_source("plain one"), environment)->bytes(), "plain one");
    EXPECT_EQ(load_secret(parse_source("env:SECRET#a"), environment)->bytes(),
              "from the environment");
    EXPECT_EQ(load_secret(parse_source("env:OTHER"), environment).error().text,
              "secret \"env:OTHER\" is not set in the environment");
    EXPECT_EQ(load_secret(parse_source("secretsmanager:x"), environment).error().text,
              "secret \"secretsmanager:x\" can only be fetched from AWS Secrets Manager");
}

TEST(LoadSecret, ReadsAFileOrNamesItsPathAndWhy) {
    std::string directory = testing::TempDir() + "momento-secret-XXXXXX";
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    std::string path = directory + "/secret";
    EXPECT_EQ(load_secret(parse_source("file:" + path), no_environment).error().text,
              "cannot open \"" + path + "\": No such file or directory");
    std::ofstream(path) << "abc\n";
    EXPECT_EQ(load_secret(parse_source("file:" + path), no_environment)->bytes(), "abc");
    std::ofstream(path) << std::string(100'000, 'x');
    EXPECT_EQ(load_secret(parse_source("file:" + path), no_environment).error().text,
              "\"" + path + "\" is longer than 65536 bytes");
    std::filesystem::remove_all(directory);
}

TEST(SecretValue, IsCopiedAndMovedWhole) {
    for (const std::string& text : {std::string("short"), std::string(100, 'x')}) {
        SecretValue first(text);
        SecretValue copy = first;
        SecretValue moved = std::move(first);
        SecretValue assigned("something else that was there before");
        assigned = copy;
        SecretValue taken;
        taken = std::move(moved);
        const SecretValue& same = taken;
        taken = same;
        EXPECT_EQ(copy.bytes(), text);
        EXPECT_EQ(assigned.bytes(), text);
        EXPECT_EQ(taken.bytes(), text);
    }
}

class KeyringTest : public testing::Test {
  protected:
    static SecretBinding binding(const char* secret, const char* cache = "",
                                 const char* topic = "") {
        return {"plain", cache, topic, SecretValue(secret)};
    }

    static Keyring make(const std::vector<SecretBinding>& secrets) {
        auto ring = Keyring::create(secrets);
        EXPECT_TRUE(ring);
        return std::move(*ring);
    }

    static Mac mac(const char* secret) { return Signer::create(secret)->sign(body); }

    static int match(const Keyring& ring, const char* secret,
                     std::optional<EventNames> names = std::nullopt) {
        Claim claim{&ring, body, mac(secret), std::move(names)};
        Keyring::match(&claim, 1);
        return claim.secret;
    }

    static int match(const Keyring& ring, const char* secret, std::string cache,
                     std::string topic) {
        return match(ring, secret, EventNames{std::move(cache), std::move(topic)});
    }

    static constexpr std::string_view body = "the body";
};

TEST_F(KeyringTest, AnyOfSeveralSecretsMatches) {
    Keyring ring = make({binding("new"), binding("old")});
    EXPECT_FALSE(ring.has_bound());
    EXPECT_EQ(match(ring, "new"), 0);
    EXPECT_EQ(match(ring, "old"), 1);
    EXPECT_EQ(match(ring, "other"), -1);

    Claim another{&ring, "another body", mac("new")};
    Keyring::match(&another, 1);
    EXPECT_EQ(another.secret, -1);
}

TEST_F(KeyringTest, MatchesTheClaimsOfManyRingsTogether) {
    Keyring rotated = make({binding("new"), binding("old"), binding("older")});
    Keyring single = make({binding("other")});
    Keyring empty = make({});
    std::vector<Claim> claims;
    std::vector<int> expected;
    auto claim = [&](const Keyring& ring, const char* secret, int index) {
        claims.push_back({&ring, body, mac(secret)});
        expected.push_back(index);
    };
    for (int i = 0; i < 5; ++i) {
        claim(rotated, "older", 2);
        claim(single, "other", 0);
        claim(empty, "other", -1);
        claim(rotated, "new", 0);
        claim(single, "new", -1);
        claim(rotated, "forged", -1);
        claim(rotated, "old", 1);
    }
    Keyring::match(claims.data(), claims.size());
    for (size_t i = 0; i < claims.size(); ++i) EXPECT_EQ(claims[i].secret, expected[i]) << i;
    Keyring::match(nullptr, 0);
}

TEST_F(KeyringTest, AnEmptyRingMatchesNothing) {
    EXPECT_EQ(match(make({}), "any"), -1);
    EXPECT_EQ(match(make({}), "any", "c", "t"), -1);
}

TEST_F(KeyringTest, ABoundSecretVerifiesItsOwnEventsOnly) {
    Keyring ring = make({binding("both", "c", "t"), binding("cache", "c"),
                         binding("topic", "", "t"), binding("any")});
    EXPECT_TRUE(ring.has_bound());
    struct {
        const char* cache;
        const char* topic;
        int both, of_cache, of_topic;
    } cases[] = {
        {"c", "t", 0, 1, 2},    {"c", "x", -1, 1, -1},  {"x", "t", -1, -1, 2},
        {"x", "x", -1, -1, -1}, {"ct", "", -1, -1, -1}, {"", "ct", -1, -1, -1},
        {"", "", -1, -1, -1},   {"", "t", -1, -1, 2},   {"t", "c", -1, -1, -1},
    };
    for (const auto& test : cases) {
        SCOPED_TRACE(std::string(test.cache) + "#" + test.topic);
        EXPECT_EQ(match(ring, "both", test.cache, test.topic), test.both);
        EXPECT_EQ(match(ring, "cache", test.cache, test.topic), test.of_cache);
        EXPECT_EQ(match(ring, "topic", test.cache, test.topic), test.of_topic);
        EXPECT_EQ(match(ring, "any", test.cache, test.topic), 3);
    }
}

TEST_F(KeyringTest, WithoutNamesOnlyUnboundSecretsAreTried) {
    Keyring ring = make({binding("bound", "c"), binding("any")});
    EXPECT_EQ(match(ring, "bound"), -1);
    EXPECT_EQ(match(ring, "any"), 1);
}

TEST_F(KeyringTest, NamesThatJoinAlikeAreKeptApart) {
    Keyring ring = make(
        {binding("one", "a", "bc"), binding("two", "ab", "c"), binding("hash", "a#b", "c")});
    EXPECT_EQ(match(ring, "one", "a", "bc"), 0);
    EXPECT_EQ(match(ring, "one", "ab", "c"), -1);
    EXPECT_EQ(match(ring, "two", "ab", "c"), 1);
    EXPECT_EQ(match(ring, "hash", "a", "b#c"), -1);
}

TEST_F(KeyringTest, ARotatedBoundSecretHasTwoValues) {
    Keyring ring =
        make({binding("new", "c", "t"), binding("x", "d"), binding("old", "c", "t")});
    EXPECT_EQ(match(ring, "new", "c", "t"), 0);
    EXPECT_EQ(match(ring, "old", "c", "t"), 2);
    EXPECT_EQ(match(ring, "x", "c", "t"), -1);
}

TEST_F(KeyringTest, FindsItsSecretAmongManyBoundOnesAfterAMove) {
    std::vector<SecretBinding> secrets;
    for (int i = 0; i < 500; ++i) {
        std::string number = std::to_string(i);
        secrets.push_back(binding(("secret" + number).c_str(), ("cache" + number).c_str()));
    }
    Keyring first = make(secrets);
    Keyring ring = std::move(first);
    EXPECT_EQ(match(ring, "secret321", "cache321", "t"), 321);
    EXPECT_EQ(match(ring, "secret321", "cache322", "t"), -1);
}

TEST_F(KeyringTest, ASecretThatIsNotKnownYetVerifiesNothingAndKeepsItsPlace) {
    Keyring ring = make({{"s", "", "", SecretValue()}, binding("good")});
    EXPECT_FALSE(ring.has_bound());
    EXPECT_EQ(match(ring, "good"), 1);

    Keyring bound = make({{"s", "c", "", SecretValue()}});
    EXPECT_TRUE(bound.has_bound()) << "the names say whether it is worth waiting for";
    EXPECT_EQ(match(bound, "good", "c", "t"), -1);
}

}  // namespace
}  // namespace momento
