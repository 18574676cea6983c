// SPDX-License-Identifier: Apache-2.0
#include "firewall/backend_choice.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>

namespace fwknop {
namespace {

std::string chosen(const std::string& file, const std::set<std::string, std::less<>>& programs = {},
                   bool bsd = false) {
    server_config config;
    diagnostics report;
    REQUIRE(parse_server_config("fwknopd.conf", file, config, report));
    REQUIRE(finish_server_config(config, report));
    const auto choice = choose_backend(
        config, {bsd, [&](std::string_view program) { return programs.contains(program); }});
    return std::string{name_of(choice.kind)} + ": " + choice.reason;
}

TEST_CASE("FIREWALL_BACKEND chooses, whatever is installed") {
    for (const std::string name : {"iptables", "firewalld", "pf", "ipfw", "none"})
        CHECK(chosen("FIREWALL_BACKEND " + name + ";", {"iptables", "ipfw"}) ==
              name + ": FIREWALL_BACKEND says so");
    CHECK(chosen("FIREWALL_BACKEND nftables;\nNFT_MODE sets;", {"iptables"}) ==
          "nftables: FIREWALL_BACKEND says so");
}

TEST_CASE("auto takes nftables where one of its directives is given") {
    const std::set<std::string, std::less<>> both{"iptables", "nft"};
    CHECK(chosen("PROTECT_PORTS tcp/22;", both) == "nftables: PROTECT_PORTS is set");
    CHECK(chosen("NFT_MODE sets;", both) == "nftables: NFT_MODE is set");
    CHECK(chosen("NFT_TABLE knocks;\nNFT_MODE sets;", both) == "nftables: NFT_MODE is set");
    CHECK(chosen("NFT_INPUT_ACCESS inet, filter, input;\nNFT_MODE chain;", both) ==
          "nftables: NFT_MODE is set");
}

TEST_CASE("auto goes by FIREWALL_EXE, then by what is installed") {
    CHECK(chosen("FIREWALL_EXE /bin/firewall-cmd;", {"iptables"}) ==
          "firewalld: FIREWALL_EXE is /bin/firewall-cmd");
    CHECK(chosen("FIREWALL_EXE /sbin/pfctl;") == "pf: FIREWALL_EXE is /sbin/pfctl");
    CHECK(chosen("FIREWALL_EXE /sbin/ipfw;") == "ipfw: FIREWALL_EXE is /sbin/ipfw");
    CHECK(chosen("FIREWALL_EXE /usr/sbin/nft;") == "nftables: FIREWALL_EXE is /usr/sbin/nft");
    CHECK(chosen("FIREWALL_EXE /usr/sbin/iptables-legacy;") ==
          "iptables: FIREWALL_EXE is /usr/sbin/iptables-legacy");
    CHECK(chosen("", {"iptables", "nft"}) ==
          "iptables: iptables is installed and nothing asks for nftables");
    CHECK(chosen("", {"nft"}) == "nftables: iptables is not installed");
}

TEST_CASE("auto on BSD") {
    CHECK(chosen("", {"pfctl", "ipfw"}, true) == "pf: pf is the packet filter of this system");
    CHECK(chosen("", {"ipfw"}, true) == "ipfw: ipfw is installed, pfctl is not");
}

} // namespace
} // namespace fwknop
