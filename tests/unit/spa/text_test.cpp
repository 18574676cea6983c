// SPDX-License-Identifier: Apache-2.0
#include "core/spa/text.hpp"

#include <catch2/catch.hpp>

#include <cstdint>

using namespace fwknop;

TEST_CASE("numbers are digits only and fit") {
    CHECK(parse_digits<std::uint16_t>("65535") == 65535);
    CHECK_FALSE(parse_digits<std::uint16_t>("65536"));
    CHECK(parse_digits<int>("007") == 7);
    for (const auto* text : {"", "-1", "+1", " 1", "1 ", "0x1", "1e3"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_digits<int>(text));
    }
}

TEST_CASE("escaped text has one line and no control byte") {
    CHECK(escaped("plain, text!") == "plain, text!");
    CHECK(escaped("a\nb\x1b\\\xff") == "a\\x0ab\\x1b\\x5c\\xff");
}

TEST_CASE("case does not matter for ASCII letters") {
    CHECK(equal_ignoring_case("Sha3_256", "sHA3_256"));
    CHECK_FALSE(equal_ignoring_case("a", "ab"));
    CHECK_FALSE(equal_ignoring_case("@", "`"));
}
