#include "ingest/keccak_lanes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "ingest/signature.h"

namespace momento {
namespace {

constexpr size_t longest_body = 5'000;  // bytes of a body

// A secret as OpenSSL has it, and as lanes do.
struct Secret {
    Secret(const KeccakLanes& lanes, const std::string& text)
        : signer(std::move(*Signer::create(text))), key(lanes, text) {}
    Signer signer;
    HmacKey key;
};

class KeccakLanesTest : public testing::TestWithParam<const KeccakLanes* (*)()> {
  protected:
    void SetUp() override {
        lanes_ = GetParam()();
        if (lanes_ == nullptr) GTEST_SKIP() << "this machine has no such instruction set";
        noise_.resize(2 * longest_body);
        for (char& c : noise_) c = static_cast<char>(random_());
        for (size_t i = 0; i < 5; ++i) {
            secrets_.push_back(std::make_unique<Secret>(*lanes_, noise_.substr(i, 1 + 33 * i)));
        }
    }

    // Each behind the last byte of its own memory, where the address sanitizer watches.
    std::vector<char> take_noise(size_t size) {
        const char* start = noise_.data() + random_() % longest_body;
        return {start, start + size};
    }

    // Signs bodies of these sizes in one go, with the secrets in turn.
    void expect_as_openssl(const std::vector<size_t>& sizes) {
        std::vector<std::vector<char>> bodies;
        std::vector<Mac> macs(sizes.size());
        std::vector<LaneMessage> messages;
        for (size_t i = 0; i < sizes.size(); ++i) {
            bodies.push_back(take_noise(sizes[i]));
            messages.push_back({&secrets_[i % secrets_.size()]->key,
                                {bodies[i].data(), bodies[i].size()},
                                macs[i].data()});
        }
        sign_in_lanes(*lanes_, messages.data(), messages.size());
        for (size_t i = 0; i < sizes.size(); ++i) {
            ASSERT_EQ(macs[i], secrets_[i % secrets_.size()]->signer.sign(messages[i].body))
                << "body " << i << " of " << sizes.size() << ", " << sizes[i] << " bytes";
        }
    }

    const KeccakLanes* lanes_ = nullptr;
    std::vector<std::unique_ptr<Secret>> secrets_;
    std::mt19937_64 random_{6};  // NOLINT: the same bodies in every run

  private:
    std::string noise_;
};

TEST_P(KeccakLanesTest, EqualOpenSslOnEveryLength) {
    std::vector<size_t> sizes;
    for (size_t size = 0; size <= longest_body; ++size) sizes.push_back(size);
    expect_as_openssl(sizes);
}

TEST_P(KeccakLanesTest, EqualOpenSslOnEveryLengthInAnyOrder) {
    std::vector<size_t> sizes;
    for (size_t size = 0; size <= longest_body; ++size) sizes.push_back(size);
    std::shuffle(sizes.begin(), sizes.end(), random_);
    expect_as_openssl(sizes);
}

TEST_P(KeccakLanesTest, EqualOpenSslWhenFewerOrMoreThanLanes) {
    for (size_t count = 0; count <= 2 * max_keccak_lanes + 1; ++count) {
        expect_as_openssl(std::vector<size_t>(count, 400));
        std::vector<size_t> sizes(count, 0);
        if (count > 0) sizes[count / 2] = longest_body;
        expect_as_openssl(sizes);
    }
}

// MOMENTO_RANDOM_MESSAGES=1000000 takes some ten seconds.
TEST_P(KeccakLanesTest, EqualOpenSslOnRandomMessages) {
    const char* asked = std::getenv("MOMENTO_RANDOM_MESSAGES");
    size_t left = asked != nullptr ? std::strtoul(asked, nullptr, 10) : 20'000;
    while (left > 0) {
        std::vector<size_t> sizes(std::min<size_t>(left, 1 + random_() % 40));
        const size_t longest = random_() % 8 == 0 ? longest_body : 600;
        for (size_t& size : sizes) size = random_() % (longest + 1);
        expect_as_openssl(sizes);
        if (HasFatalFailure()) return;
        left -= sizes.size();
    }
}

INSTANTIATE_TEST_SUITE_P(, KeccakLanesTest, testing::Values(avx512_lanes, avx2_lanes),
                         [](const auto& set) { return set.index == 0 ? "AVX512" : "AVX2"; });

TEST(WidestLanes, AreThoseOfTheWidestInstructionSet) {
    const KeccakLanes* widest = avx512_lanes() != nullptr ? avx512_lanes() : avx2_lanes();
    EXPECT_EQ(widest_lanes(), widest);
}

}  // namespace
}  // namespace momento
