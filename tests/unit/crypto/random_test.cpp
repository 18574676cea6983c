// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/random.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>

using namespace fwknop::crypto;

TEST_CASE("digits are decimal and every digit comes up about as often") {
    const auto digits = random_digits(20'000);
    std::array<int, 10> counts{};
    for (const char c : digits) {
        REQUIRE(c >= '0');
        REQUIRE(c <= '9');
        ++counts[static_cast<std::size_t>(c - '0')];
    }
    // 2000 each, standard deviation 42: ten of them is no accident.
    for (const int count : counts) CHECK(std::abs(count - 2000) < 420);
}

TEST_CASE("bounded numbers stay below their bound") {
    for (int i = 0; i < 1000; ++i) REQUIRE(random_below(7) < 7);
    CHECK(random_below(1) == 0);
}
