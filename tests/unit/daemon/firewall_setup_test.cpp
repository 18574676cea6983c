// SPDX-License-Identifier: Apache-2.0
#include "core/policy/server_config.hpp"
#include "daemon/firewall_setup.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::daemon;

namespace {

server_config read(const std::string& text) {
    server_config config;
    diagnostics report;
    REQUIRE(parse_server_config("fwknopd.conf", text, config, report));
    REQUIRE(finish_server_config(config, report));
    return config;
}

std::vector<std::string> chains_of(const iptables_layout& layout) {
    std::vector<std::string> names;
    for (const auto& chain : layout.chains()) names.push_back(chain.spec->to_chain);
    return names;
}

using names = std::vector<std::string>;

} // namespace

TEST_CASE("firewalld's chains are those of the FIREWD directives") {
    CHECK(
        chains_of(firewalld_layout_of(read("FIREWD_INPUT_ACCESS ACCEPT, filter, INPUT, 1, IN, 1;\n"
                                           "ENABLE_FIREWD_OUTPUT Y;\nENABLE_IPT_FORWARDING Y;\n"),
                                      true)) == names{"IN", "FWKNOP_OUTPUT"});
    const auto nat = read("ENABLE_FIREWD_LOCAL_NAT Y;\n");
    CHECK(chains_of(firewalld_layout_of(nat, false)) ==
          names{"FWKNOP_INPUT", "FWKNOP_FORWARD", "FWKNOP_PREROUTING"});
    CHECK(chains_of(firewalld_layout_of(nat, true)).size() == 5);
    CHECK(chains_of(firewalld_layout_of(
                        read("ENABLE_FIREWD_FORWARDING Y;\nENABLE_FIREWD_SNAT Y;\n"), false))
              .size() == 5);
    CHECK(chains_of(iptables_layout_of(nat, true)) == names{"FWKNOP_INPUT"});
}

TEST_CASE("a directive of another packet filter is named, with its place and the remedy") {
    const auto ipt = read("VERBOSE 1;\nENABLE_IPT_SNAT Y;\n");
    const auto firewd = read("ENABLE_FIREWD_FORWARDING Y;\n");
    CHECK_FALSE(misplaced_directive(backend_kind::iptables, ipt));
    CHECK(misplaced_directive(backend_kind::firewalld, ipt) ==
          "fwknopd.conf:2: ENABLE_IPT_SNAT is for iptables, and the packet filter is firewalld: "
          "set ENABLE_FIREWD_SNAT instead");
    CHECK_FALSE(misplaced_directive(backend_kind::firewalld, firewd));
    CHECK(misplaced_directive(backend_kind::iptables, firewd) ==
          "fwknopd.conf:1: ENABLE_FIREWD_FORWARDING is for firewalld, and the packet filter is "
          "iptables: set FIREWALL_BACKEND firewalld, or ENABLE_IPT_FORWARDING instead");
    CHECK(misplaced_directive(backend_kind::nftables, firewd) ==
          "fwknopd.conf:1: ENABLE_FIREWD_FORWARDING is for firewalld, and the packet filter is "
          "nftables: set FIREWALL_BACKEND firewalld");
}
