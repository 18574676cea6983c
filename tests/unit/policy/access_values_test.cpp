// SPDX-License-Identifier: Apache-2.0
#include "core/policy/access_values.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fwknop;

TEST_CASE("dates are American, and exist") {
    using namespace std::chrono;
    CHECK(read_date("1/2/2031") == 2031y / January / 2);
    CHECK(read_date("12/31/2030") == 2030y / December / 31);
    CHECK(read_date("01/02/31") == 2031y / January / 2);
    CHECK(read_date("02/29/2028") == 2028y / February / 29);
    for (const auto* const bad :
         {"", "foo", "13/1/2030", "0/1/2030", "1/32/2030", "2/29/2030", "1/2", "1/2/3", "1/2/203",
          "1/2/20301", "1-2-2030", "1/2/2030/4", "/2/2030", "1//2030", "1/2/", "+1/2/2030",
          "001/2/2030", "2030/1/2", "1/2/2030 x"}) {
        CAPTURE(bad);
        CHECK_FALSE(read_date(bad));
    }
}

TEST_CASE("an endpoint is an address and a port") {
    const auto target = read_endpoint("10.0.0.9   2222");
    REQUIRE(target.has_value());
    CHECK(target->address.to_string() == "10.0.0.9");
    CHECK(target->port == 2222);
    CHECK(read_endpoint("2001:db8::9 22")->address.is_v6());
    CHECK(read_endpoint("0.0.0.0 0")->port == 0);
    CHECK(read_endpoint("1.2.3.4").error().text.starts_with("arg '1.2.3.4', need <IP> <PORT>"));
    CHECK(read_endpoint("1.2.3.4 70000").error().text.starts_with("port '70000'"));
    CHECK(read_endpoint("1.2.3.4 22 x").error().text.starts_with("port '22 x'"));
    CHECK(read_endpoint("foo 22").error().text.starts_with("IP 'foo'"));
}

TEST_CASE("widths stay within their limits") {
    const auto [text, v4, v6] = GENERATE(table<std::string, int, int>({
        {"24", 24, 128},
        {"/24", 24, 128},
        {"16", 16, 128},
        {"32", 32, 128},
        {"/24,/56", 24, 56},
        {"24, 48", 24, 48},
        {",/64", 32, 64},
        {",128", 32, 128},
    }));
    CAPTURE(text);
    const auto widths = read_widths(text);
    REQUIRE(widths.has_value());
    CHECK(int{widths->v4_prefix} == v4);
    CHECK(int{widths->v6_prefix} == v6);
}

TEST_CASE("wider holes are refused") {
    for (const auto* const bad :
         {"15", "0", "33", ",47", ",129", "24,", "24,56,1", "x", "24 x", "/", "//24", "-1"}) {
        CAPTURE(bad);
        CHECK_FALSE(read_widths(bad).has_value());
    }
}

TEST_CASE("GPG identities have 8, 16 or 40 digits") {
    const std::string full = "00cc95f05bc146b6ac4038c9e36f443c6a3fad56";
    using ids = std::vector<std::string>;
    CHECK(*read_gpg_ids("0xabcd1234, 0123456789ABCDEF", false) ==
          ids{"ABCD1234", "0123456789ABCDEF"});
    CHECK(*read_gpg_ids(full, false) == ids{"00CC95F05BC146B6AC4038C9E36F443C6A3FAD56"});
    CHECK(*read_gpg_ids("0X" + full, true) == ids{"00CC95F05BC146B6AC4038C9E36F443C6A3FAD56"});
    for (const auto* const bad : {"", "abcd123", "abcd12345", "abcd123g", "abcd1234,", "0x"}) {
        CAPTURE(bad);
        CHECK_FALSE(read_gpg_ids(bad, false).has_value());
    }
    CHECK_FALSE(read_gpg_ids("abcd1234", true).has_value());
}
