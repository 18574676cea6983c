// SPDX-License-Identifier: Apache-2.0
#include "core/policy/port_set.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop;

TEST_CASE("port sets contain their services and ranges") {
    const auto set = port_set::parse("tcp/22, UDP/53 ,Tcp/8000-8010,udp/0");
    REQUIRE(set.has_value());
    CHECK(set->ranges().size() == 4);
    CHECK(set->contains({protocol::tcp, 22}));
    CHECK_FALSE(set->contains({protocol::udp, 22}));
    CHECK_FALSE(set->contains({protocol::tcp, 21}));
    CHECK_FALSE(set->contains({protocol::tcp, 23}));
    CHECK(set->contains({protocol::udp, 53}));
    CHECK_FALSE(set->contains({protocol::tcp, 53}));
    CHECK_FALSE(set->contains({protocol::tcp, 7999}));
    CHECK(set->contains({protocol::tcp, 8000}));
    CHECK(set->contains({protocol::tcp, 8005}));
    CHECK(set->contains({protocol::tcp, 8010}));
    CHECK_FALSE(set->contains({protocol::tcp, 8011}));
    CHECK_FALSE(set->contains({protocol::udp, 8005}));
    CHECK_FALSE(port_set{}.contains({protocol::tcp, 22}));
}

TEST_CASE("the highest port is a port") {
    CHECK(port_set::parse("tcp/65535")->contains({protocol::tcp, 65535}));
    CHECK_FALSE(port_set::parse("tcp/65536").has_value());
}

TEST_CASE("what is no port is refused with the words that filters know") {
    const auto [text, words] = GENERATE(table<std::string, std::string>({
        {"icmp/8", "[*] Invalid protocol in access port entry: icmp/8"},
        {"none/0", "[*] Invalid protocol in access port entry: none/0"},
        {"tcp", "[*] Parse error on access port entry: tcp"},
        {"", "[*] Parse error on access port entry: "},
        {"tcp/22,", "[*] Parse error on access port entry: "},
        {"tcp/22,,udp/53", "[*] Parse error on access port entry: "},
        {"tcp/70000", "[*] Invalid port 'tcp/70000' in access request, must be in [0,65535]"},
        {"tcp/x", "[*] Invalid port 'tcp/x'"},
        {"tcp/", "[*] Invalid port 'tcp/'"},
        {"tcp/-5", "[*] Invalid port 'tcp/-5'"},
        {"tcp/5-", "[*] Invalid port 'tcp/5-'"},
        {"tcp/1-2-3", "[*] Invalid port 'tcp/1-2-3'"},
        {"tcp/22 23", "[*] Invalid port 'tcp/22 23'"},
        {"tcp/10-9", "[*] Invalid port 'tcp/10-9' in access request, a range begins"},
    }));
    CAPTURE(text);
    const auto set = port_set::parse(text);
    REQUIRE_FALSE(set.has_value());
    CHECK(set.error().text.starts_with(words));
}
