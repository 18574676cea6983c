// SPDX-License-Identifier: Apache-2.0
#include "firewall/grant_log.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace fwknop;
using fwknop::test::address;

TEST_CASE("the lines that operators filter for") {
    const std::vector<service> doors{{protocol::tcp, 22}, {protocol::udp, 53}};
    CHECK(added_rule_line("access", "FWKNOP_INPUT", address("192.0.2.7"), std::nullopt, doors,
                          from_seconds(1700000030)) ==
          "Added access rule to FWKNOP_INPUT for 192.0.2.7 -> 0.0.0.0/0 tcp/22,udp/53, expires at "
          "1700000030");
    CHECK(added_rule_line("OUTPUT", "FWKNOP_OUTPUT", address("2001:db8::7"), std::nullopt,
                          std::vector<service>{{protocol::tcp, 22}}, from_seconds(5)) ==
          "Added OUTPUT rule to FWKNOP_OUTPUT for 2001:db8::7 -> ::/0 tcp/22, expires at 5");
    CHECK(extended_rule_line("access", "FWKNOP_INPUT", address("192.0.2.7"), address("10.0.0.1"),
                             std::vector<service>{{protocol::tcp, 22}}, from_seconds(5)) ==
          "Extended access rule in FWKNOP_INPUT for 192.0.2.7 -> 10.0.0.1 tcp/22, expires at 5");
    CHECK(removed_rule_line(3, "FWKNOP_INPUT", from_seconds(1700000030)) ==
          "Removed rule 3 from FWKNOP_INPUT with expire time of 1700000030");
    CHECK(added_jump_line("INPUT", "FWKNOP_INPUT") ==
          "Added jump rule from chain: INPUT to chain: FWKNOP_INPUT");
}
