#include "base/digest.h"

#include <gtest/gtest.h>

#include "base/hex.h"

namespace momento {
namespace {

Hmac hmac(std::string_view key) {
    return Hmac::create("SHA256", key).value();
}

// FIPS 180-4, examples.
TEST(Digest, IsSha256) {
    EXPECT_EQ(to_hex(sha256("")),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(to_hex(sha256("abc")),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// RFC 4231, test case 2.
TEST(Digest, IsKeyedByHmac) {
    EXPECT_EQ(to_hex(hmac("Jefe").sign("what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Digest, IsKeyedByAnEmptyKey) {
    EXPECT_EQ(to_hex(hmac("").sign("")),
              "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    EXPECT_EQ(hmac({}).sign({}), hmac("").sign(""));
}

TEST(Digest, KeepsItsKeyFromOneMacToTheNext) {
    const Hmac mac = hmac("Jefe");
    const Sha256 first = mac.sign("what do ya want for nothing?");
    mac.sign("something else");
    EXPECT_EQ(mac.sign("what do ya want for nothing?"), first);
}

TEST(Digest, IsNotMadeOfAHashThatOpensslDoesNotHave) {
    EXPECT_FALSE(Hmac::create("no such hash", "Jefe"));
}

}  // namespace
}  // namespace momento
