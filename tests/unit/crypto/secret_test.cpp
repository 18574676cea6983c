// SPDX-License-Identifier: Apache-2.0
#include <fwknop/secret.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using fwknop::secret_bytes;

TEST_CASE("secrets move, clone and compare") {
    auto a = secret_bytes::from_text("correct horse");
    const auto b = a.clone();
    CHECK(a.equals(b));
    CHECK(a.text() == "correct horse");
    const auto c = std::move(a);
    CHECK(c.equals(b));
    CHECK(a.empty()); // NOLINT(bugprone-use-after-move): moved-from is documented to be empty
    CHECK_FALSE(c.equals(a));
    CHECK_FALSE(c.equals(secret_bytes::from_text("correct horsf")));
    CHECK_FALSE(c.equals(secret_bytes::from_text("correct hors")));
    CHECK(secret_bytes{}.equals(secret_bytes{}));
}

TEST_CASE("truncating wipes what it cuts off") {
    auto secret = secret_bytes::from_text("0123456789");
    const auto* const bytes = secret.bytes().data();
    secret.truncate(4);
    CHECK(secret.text() == "0123");
    for (std::size_t i = 4; i < 10; ++i) CHECK(bytes[i] == 0);
    secret.truncate(9);
    CHECK(secret.size() == 4);
}

TEST_CASE("new secrets are zero even where an old one was") {
    for (int round = 0; round < 100; ++round) {
        auto secret = secret_bytes{64};
        for (const auto byte : std::as_const(secret).bytes()) REQUIRE(byte == 0);
        for (auto& byte : secret.bytes()) byte = 0xaa;
    }
}

TEST_CASE("thousands of secrets fit at once") {
    std::vector<secret_bytes> many;
    for (int i = 0; i < 20'000; ++i) many.push_back(secret_bytes::from_text(std::to_string(i)));
    for (int i = 0; i < 20'000; i += 997) {
        CHECK(many[static_cast<std::size_t>(i)].text() == std::to_string(i));
    }
}

TEST_CASE("random secrets differ") {
    CHECK_FALSE(secret_bytes::random(32).equals(secret_bytes::random(32)));
    CHECK(secret_bytes::random(32).size() == 32);
    CHECK(secret_bytes::random(0).empty());
}
