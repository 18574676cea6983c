// SPDX-License-Identifier: Apache-2.0
#include "support/result.hpp"

#include <fwknop/ip_address.hpp>

#include <catch2/catch.hpp>

#include <string>

using fwknop::errc;
using fwknop::ip_address;
using fwknop::test::error_of;

TEST_CASE("addresses are parsed and written") {
    for (const std::string text : {"0.0.0.0", "192.0.2.7", "255.255.255.255", "::", "::1",
                                   "2001:db8::7", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
        CAPTURE(text);
        const auto address = ip_address::parse(text);
        REQUIRE(address);
        CHECK(address->to_string() == text);
        CHECK(address->is_v6() == (text.find(':') != std::string::npos));
        CHECK(address->bytes().size() == (address->is_v6() ? 16 : 4));
    }
}

TEST_CASE("what is no address is refused") {
    for (const std::string text :
         {"", " ", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",
          "1.2.3.4/32", "[::1]", "::1%lo", "1:2:3:4:5:6:7:8:9", "host", "0x1.2.3.4"}) {
        CAPTURE(text);
        CHECK(error_of(ip_address::parse(text)) == errc::ip_address_malformed);
    }
    CHECK(error_of(ip_address::parse(std::string(200, '1'))) == errc::ip_address_malformed);
    CHECK(error_of(ip_address::parse(std::string("1.2.3.4\0x", 9))) == errc::ip_address_malformed);
}

TEST_CASE("unspecified, mapped, equal") {
    CHECK(ip_address{}.is_unspecified());
    CHECK(ip_address::parse("::")->is_unspecified());
    CHECK_FALSE(ip_address::parse("::1")->is_unspecified());
    CHECK(*ip_address::parse("0.0.0.0") != *ip_address::parse("::"));
    CHECK(ip_address::parse("::ffff:192.0.2.7")->unmapped() == *ip_address::parse("192.0.2.7"));
    CHECK(ip_address::parse("2001:db8::1")->unmapped() == *ip_address::parse("2001:db8::1"));
    CHECK(*ip_address::parse("192.0.2.7") < *ip_address::parse("192.0.2.8"));
}
