// SPDX-License-Identifier: Apache-2.0
#include "core/policy/network.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fwknop;

namespace {

ip_address at(const std::string& text) {
    return *ip_address::parse(text);
}

} // namespace

TEST_CASE("the bits behind the prefix are cleared") {
    struct row {
        std::string address;
        std::uint8_t length;
        std::string text;
    };
    for (const auto& [address, length, text] : std::vector<row>{
             {"192.0.2.255", 32, "192.0.2.255"},
             {"192.0.2.255", 31, "192.0.2.254/31"},
             {"192.0.2.255", 25, "192.0.2.128/25"},
             {"192.0.2.255", 24, "192.0.2.0/24"},
             {"192.0.2.255", 17, "192.0.0.0/17"},
             {"192.0.2.255", 16, "192.0.0.0/16"},
             {"192.0.2.255", 0, "0.0.0.0/0"},
             {"192.0.2.255", 200, "192.0.2.255"},
             {"2001:db8:ffff:ffff::7", 128, "2001:db8:ffff:ffff::7"},
             {"2001:db8:ffff:ffff::7", 64, "2001:db8:ffff:ffff::/64"},
             {"2001:db8:ffff:ffff::7", 61, "2001:db8:ffff:fff8::/61"},
             {"2001:db8:ffff:ffff::7", 48, "2001:db8:ffff::/48"},
         }) {
        INFO(address << "/" << int{length});
        CHECK(network{at(address), length}.to_string() == text);
        CHECK(network::parse(text) == network{at(address), length});
    }
}

TEST_CASE("what is no network is not read as one") {
    for (const std::string text : {"", "/", "192.0.2.7/", "/24", "192.0.2.0/33", "2001:db8::/129",
                                   "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.0/ 8", "192.0.2.0/256",
                                   "192.0.2.0/24/24", "192.0.2.0/255.255.255.0", "any"}) {
        INFO(text);
        CHECK_FALSE(network::parse(text));
    }
}

TEST_CASE("an address is a network of its own") {
    const network host = at("192.0.2.7");
    CHECK(host.is_host());
    CHECK(host.prefix_length() == 32);
    CHECK(host == network{at("192.0.2.7"), 32});
    CHECK(host != network{at("192.0.2.7"), 31});
    CHECK(network{at("2001:db8::7")}.prefix_length() == 128);
}

TEST_CASE("a network contains its family's addresses with its prefix") {
    const network v4{at("192.0.2.7"), 23};
    CHECK(v4.contains(at("192.0.2.0")));
    CHECK(v4.contains(at("192.0.3.255")));
    CHECK_FALSE(v4.contains(at("192.0.4.0")));
    CHECK_FALSE(v4.contains(at("::ffff:192.0.2.7")));
    CHECK(network{at("2001:db8::"), 32}.contains(at("2001:db8:1::1")));
    CHECK_FALSE(network{at("2001:db8::"), 32}.contains(at("2001:db9::1")));
}
