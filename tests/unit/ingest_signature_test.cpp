#include "ingest/signature.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "signature_vectors.h"

namespace momento {
namespace {

Signer make_signer(std::string_view secret) {
    auto signer = Signer::create(secret);
    EXPECT_TRUE(signer);
    return std::move(*signer);
}

TEST(Signer, SignsAsEveryKnownVector) {
    EXPECT_EQ(signature_vectors().size(), 9u);
    for (const SignatureVector& vector : signature_vectors()) {
        Signer signer = make_signer(vector.secret);
        EXPECT_EQ(format_signature(signer.sign(vector.body)), vector.signature) << vector.name;
        EXPECT_EQ(parse_signature(vector.signature), signer.sign(vector.body)) << vector.name;
    }
}

TEST(Signer, StartsAfreshForEveryBody) {
    Signer signer = make_signer("1234567890");
    for (int round = 0; round < 3; ++round) {
        for (const SignatureVector& vector : signature_vectors()) {
            if (vector.secret != "1234567890") continue;
            EXPECT_EQ(format_signature(signer.sign(vector.body)), vector.signature)
                << vector.name;
        }
    }
}

TEST(Signer, SignsTheSameWhereverABodyEndsInABlock) {
    // SHA3-256 takes 136 bytes at a time: a fresh and a used signer agree around the edges.
    Signer used = make_signer("key");
    for (size_t size = 0; size <= 300; ++size) {
        std::string body(size, 'b');
        EXPECT_EQ(used.sign(body), make_signer("key").sign(body)) << size;
    }
}

TEST(Signer, KeepsItsKeyWhenMoved) {
    const SignatureVector& vector = signature_vectors().front();
    Signer first = make_signer(vector.secret);
    Signer second = std::move(first);
    EXPECT_EQ(format_signature(second.sign(vector.body)), vector.signature);
    Signer third = make_signer("another");
    third = std::move(second);
    EXPECT_EQ(format_signature(third.sign(vector.body)), vector.signature);
}

TEST(Signer, RefusesAnEmptySecret) {
    auto signer = Signer::create("");
    ASSERT_FALSE(signer);
    EXPECT_EQ(signer.error().text, "the secret is empty");
}

TEST(SignAll, SignsAsEachSignerAlone) {
    std::vector<Signer> signers;
    std::vector<std::string> bodies;
    // A key longer than a block of 136 bytes counts by its hash.
    for (size_t size : {1, 32, 135, 136, 137, 300, 1'000}) {
        signers.push_back(make_signer(std::string(size, 'k')));
        bodies.emplace_back(17 * size, 'b');
    }
    for (size_t count = 0; count <= 20; ++count) {
        std::vector<SignRequest> requests;
        for (size_t i = 0; i < count; ++i) {
            requests.push_back({&signers[i % signers.size()], bodies[i * 3 % bodies.size()]});
        }
        sign_all(requests.data(), requests.size());
        for (const SignRequest& request : requests) {
            EXPECT_EQ(request.mac, request.signer->sign(request.body)) << count;
        }
    }
}

TEST(SignAll, SignsAsEveryKnownVector) {
    std::vector<Signer> signers;
    for (const SignatureVector& vector : signature_vectors()) {
        signers.push_back(make_signer(vector.secret));
    }
    std::vector<SignRequest> requests;
    for (size_t i = 0; i < signers.size(); ++i) {
        requests.push_back({&signers[i], signature_vectors()[i].body});
    }
    sign_all(requests.data(), requests.size());
    for (size_t i = 0; i < signers.size(); ++i) {
        EXPECT_EQ(format_signature(requests[i].mac), signature_vectors()[i].signature);
    }
}

TEST(ParseSignature, TakesExactlySixtyFourLowerCaseHexDigits) {
    std::string good = signature_vectors().front().signature;
    EXPECT_TRUE(parse_signature(good));

    std::string upper = good;
    upper[0] = 'B';
    std::string not_hex = good;
    not_hex[63] = 'g';
    std::string with_nul = good;
    with_nul[7] = '\0';
    for (const std::string& bad :
         {std::string(), std::string("this signature is incorrect"), good.substr(1), good + "0",
          " " + good, good + " ", " " + good.substr(1), "sha3=" + good, "0x" + good.substr(2),
          upper, not_hex, with_nul, std::string(64, '\xff')}) {
        EXPECT_FALSE(parse_signature(bad)) << bad;
    }
}

TEST(ParseSignature, RefusesEveryCharacterThatIsNoLowerCaseHexDigit) {
    for (int c = 0; c < 256; ++c) {
        bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        for (size_t place : {0u, 63u}) {
            std::string text(64, '0');
            text[place] = static_cast<char>(c);
            EXPECT_EQ(parse_signature(text).has_value(), good) << c;
        }
    }
}

TEST(EqualMacs, SeesADifferenceInEveryBit) {
    Mac mac = *parse_signature(signature_vectors().front().signature);
    EXPECT_TRUE(equal_macs(mac, Mac(mac)));
    for (size_t bit = 0; bit < 8 * mac_size; ++bit) {
        Mac other = mac;
        other[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
        EXPECT_FALSE(equal_macs(mac, other)) << bit;
    }
}

}  // namespace
}  // namespace momento
