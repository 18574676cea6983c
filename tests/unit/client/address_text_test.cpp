// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/address_text.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

using namespace fwknop::client;

namespace {

/// The address, or the problem.
std::string read(std::string_view text, family_choice family = family_choice::any) {
    const auto found = address_in(text, family);
    return found ? found->to_string() : found.error().text;
}

constexpr const char* none = "the answer holds no IP address";

} // namespace

TEST_CASE("the first address of an answer is taken") {
    CHECK(read("203.0.113.9") == "203.0.113.9");
    CHECK(read("203.0.113.9\r\n") == "203.0.113.9");
    CHECK(read("2001:db8::7\n") == "2001:db8::7");
    CHECK(read("192.0.2.1 192.0.2.2") == "192.0.2.1");
    CHECK(read("<html><body>Your address is <b>203.0.113.9</b>.</body></html>") == "203.0.113.9");
    CHECK(read(R"({"ip":"2001:db8::7","port":4711})") == "2001:db8::7");
    CHECK(read("Current IP Address: 203.0.113.9.") == "203.0.113.9");
    CHECK(read("IP:203.0.113.9") == "203.0.113.9");
    CHECK(read("IP:2001:db8::7") == "2001:db8::7");
    CHECK(read("address=203.0.113.9;") == "203.0.113.9");
    CHECK(read("203.0.113.9:4711") == "203.0.113.9");
    CHECK(read("[2001:db8::7]:4711") == "2001:db8::7");
    CHECK(read("::ffff:203.0.113.9") == "203.0.113.9");
    CHECK(read("10.0.0.7") == "10.0.0.7"); // a company's own server answers such
}

TEST_CASE("what only looks like an address is passed over") {
    CHECK(read("") == none);
    CHECK(read("no address here") == none);
    CHECK(read("dead beef a.b.c.d 12:34:56") == none);
    CHECK(read("203.0.113") == none);
    CHECK(read("203.0.113.9.5") == none);
    CHECK(read("203.0.113.256") == none);
    CHECK(read("203.0.113.09") == none);
    CHECK(read("1203.0.113.9") == none);
    CHECK(read("v1.2.3.4 nginx-1.2.3.4 203.0.113.9.example.net 203.0.113.9.eu") == none);
    CHECK(read("203.0.113.9-static") == none);
    CHECK(read("12:34:56 v1.2.3.4 192.0.2.8") == "192.0.2.8");
    CHECK(read(std::string(4096, '1')) == none);
    CHECK(read(std::string(4096, ':')) == none);
    CHECK(read(std::string_view{"\0\xff"
                                "203.0.113.9\0",
                                14}) == "203.0.113.9");
}

TEST_CASE("an address of the other family is passed over") {
    const std::string both = "2001:db8::7 203.0.113.9";
    CHECK(read(both, family_choice::v4_only) == "203.0.113.9");
    CHECK(read(both, family_choice::v6_only) == "2001:db8::7");
    CHECK(read("2001:db8::7", family_choice::v4_only) == "the answer holds no IPv4 address");
    CHECK(read("203.0.113.9", family_choice::v6_only) == "the answer holds no IPv6 address");
}

TEST_CASE("an address that no client has is refused, not passed over") {
    CHECK(read("0.0.0.0, 203.0.113.9") ==
          "the answer is 0.0.0.0, which stands for no address at all");
    CHECK(read("::") == "the answer is ::, which stands for no address at all");
    CHECK(read("127.0.0.1") == "the answer is 127.0.0.1, which is a loopback address");
    CHECK(read("127.255.0.9") == "the answer is 127.255.0.9, which is a loopback address");
    CHECK(read("::1") == "the answer is ::1, which is a loopback address");
    CHECK(read("::ffff:127.0.0.1") == "the answer is 127.0.0.1, which is a loopback address");
    CHECK(read("224.0.0.1") == "the answer is 224.0.0.1, which is a multicast or reserved address");
    CHECK(read("255.255.255.255") ==
          "the answer is 255.255.255.255, which is a multicast or reserved address");
    CHECK(read("ff02::1") == "the answer is ff02::1, which is a multicast or reserved address");
    CHECK(read("223.255.255.255") == "223.255.255.255");
    CHECK(read("126.0.0.1 128.0.0.1") == "126.0.0.1");
}
