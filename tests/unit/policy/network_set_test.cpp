// SPDX-License-Identifier: Apache-2.0
#include "core/policy/network_set.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop;

namespace {

bool contains(std::string_view set, std::string_view address) {
    const auto networks = network_set::parse(set);
    REQUIRE(networks.has_value());
    return networks->contains(*ip_address::parse(address));
}

} // namespace

TEST_CASE("networks contain what their prefix covers") {
    const auto [set, address, expected] = GENERATE(table<std::string, std::string, bool>({
        {"ANY", "192.0.2.1", true},
        {"any", "2001:db8::1", true},
        {"ANY, 10.0.0.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.0/24", "192.0.2.0", true},
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.0/24", "192.0.1.255", false},
        {"192.0.2.77/24", "192.0.2.1", true},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"192.0.2.1/32", "192.0.2.0", false},
        {"192.0.2.0/31", "192.0.2.1", true},
        {"192.0.2.0/31", "192.0.2.2", false},
        {"128.0.0.0/1", "255.255.255.255", true},
        {"128.0.0.0/1", "127.255.255.255", false},
        {"10.0.0.0/255.0.0.0", "10.255.0.1", true},
        {"10.0.0.0/255.0.0.0", "11.0.0.0", false},
        {"10.0.0.0/255.255.255.255", "10.0.0.1", false},
        {"10.0.0.1,192.0.2.0/24", "192.0.2.9", true},
        {" 10.0.0.1 , 192.0.2.0/24 ", "10.0.0.1", true},
        {"10.0.0.1 , 192.0.2.0/24", "10.0.0.2", false},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"2001:db8::7", "2001:db8::7", true},
        {"2001:db8::7/128", "2001:db8::6", false},
        {"2001:db8::/32", "32.1.13.184", false},
        {"32.1.0.0/16", "2001:db8::1", false},
        {"192.0.2.0/24", "::ffff:192.0.2.9", true},
        {"192.0.2.0/24", "::ffff:192.0.3.9", false},
        {"::ffff:192.0.2.0/120", "192.0.2.9", true},
        {"::ffff:192.0.2.0/120", "192.0.3.9", false},
    }));
    CAPTURE(set, address);
    CHECK(contains(set, address) == expected);
}

TEST_CASE("what is no network is refused by name") {
    const auto [set, named] = GENERATE(table<std::string, std::string>({
        {"10.0.0.0/0", "'10.0.0.0/0'"},
        {"10.0.0.0/0.0.0.0", "'10.0.0.0/0.0.0.0'"},
        {"::/0", "'::/0'"},
        {"10.0.0.0/33", "'10.0.0.0/33'"},
        {"::1/129", "'::1/129'"},
        {"10.0.0.0/", "'10.0.0.0/'"},
        {"10.0.0.0/-1", "'10.0.0.0/-1'"},
        {"10.0.0.0/8x", "'10.0.0.0/8x'"},
        {"10.0.0.0/8 x", "'10.0.0.0/8 x'"},
        {"10.0.0.0/255.0.255.0", "'10.0.0.0/255.0.255.0'"},
        {"2001:db8::/255.0.0.0", "'2001:db8::/255.0.0.0'"},
        {"gate.example.org", "'gate.example.org'"},
        {"10.0.0.1,gate", "'gate'"},
        {"10.0.0", "'10.0.0'"},
        {"10.0.0.256", "'10.0.0.256'"},
        {"10.0.0.1,", "comma"},
        {",10.0.0.1", "comma"},
        {"", "comma"},
    }));
    CAPTURE(set);
    const auto networks = network_set::parse(set);
    REQUIRE_FALSE(networks.has_value());
    CHECK(networks.error().text.find(named) != std::string::npos);
}

TEST_CASE("an empty set contains nothing") {
    CHECK_FALSE(network_set{}.contains(*ip_address::parse("0.0.0.0")));
    CHECK_FALSE(network_set{}.contains_everything());
}
