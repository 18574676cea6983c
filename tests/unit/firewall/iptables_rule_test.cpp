// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_rule.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;

TEST_CASE("rules as they are written") {
    const auto t = from_seconds(1700000000);
    grant_key aimed = udp("192.0.2.7", 53);
    aimed.destination = address("127.0.0.1");
    CHECK(iptables_rule_text({tcp("192.0.2.7", 22), t}, rule_direction::in, "ACCEPT") ==
          "-p 6 -s 192.0.2.7 --dport 22 -m comment --comment _exp_1700000000 -j ACCEPT");
    CHECK(iptables_rule_text({aimed, t}, rule_direction::in, "ACCEPT") ==
          "-p 17 -s 192.0.2.7 -d 127.0.0.1 --dport 53 -m comment --comment _exp_1700000000 "
          "-j ACCEPT");
    CHECK(iptables_rule_text({aimed, t}, rule_direction::out, "MARKED") ==
          "-p 17 -d 192.0.2.7 -s 127.0.0.1 --sport 53 -m comment --comment _exp_1700000000 "
          "-j MARKED");
    CHECK(iptables_rule_text({tcp("2001:db8::7", 22), t}, rule_direction::in, "ACCEPT") ==
          "-p 6 -s 2001:db8::7 --dport 22 -m comment --comment _exp_1700000000 -j ACCEPT");
}

TEST_CASE("rules as iptables lists them are known again") {
    const auto t = from_seconds(1700000000);
    const auto in = rule_direction::in;
    CHECK(parse_iptables_rule("-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment "
                              "_exp_1700000000 -j ACCEPT",
                              ip_family::v4, in,
                              "ACCEPT") == iptables_rule{tcp("192.0.2.7", 22), t});
    grant_key aimed = udp("192.0.2.7", 53);
    aimed.destination = address("127.0.0.1");
    CHECK(parse_iptables_rule("-s 192.0.2.7/32 -d 127.0.0.1/32 -p udp -m udp --dport 53 -m comment "
                              "--comment _exp_1700000000 -j ACCEPT",
                              ip_family::v4, in, "ACCEPT") == iptables_rule{aimed, t});
    CHECK(parse_iptables_rule("-s 127.0.0.1/32 -d 192.0.2.7/32 -p udp -m udp --sport 53 -m comment "
                              "--comment _exp_1700000000 -j ACCEPT",
                              ip_family::v4, rule_direction::out,
                              "ACCEPT") == iptables_rule{aimed, t});
    CHECK(parse_iptables_rule("-s 2001:db8::7/128 -p tcp -m tcp --dport 22 -m comment --comment "
                              "_exp_1700000000 -j REJECT --reject-with icmp6-port-unreachable",
                              ip_family::v6, in,
                              "REJECT") == iptables_rule{tcp("2001:db8::7", 22), t});
}

TEST_CASE("a rule that says anything else is not ours") {
    for (const std::string text : {
             "-s 192.0.2.0/24 -p tcp -m tcp --dport 22 -m comment --comment _exp_1 -j ACCEPT",
             "! -s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment _exp_1 -j ACCEPT",
             "-s 192.0.2.7/32 ! -p tcp -m tcp --dport 22 -m comment --comment _exp_1 -j ACCEPT",
             "-s 192.0.2.7/32 -i eth0 -p tcp -m tcp --dport 22 -m comment --comment _exp_1 -j "
             "ACCEPT",
             "-s 192.0.2.7/32 -p icmp -m comment --comment _exp_1 -j ACCEPT",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22:23 -m comment --comment _exp_1 -j ACCEPT",
             "-s 192.0.2.7/32 -p tcp -m tcp --sport 22 -m comment --comment _exp_1 -j ACCEPT",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment \"x _exp_1\" -j ACCEPT",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment _exp_1x -j ACCEPT",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment _exp_1 -j DROP",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment _exp_1",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m mark --mark 1 -m comment --comment "
             "_exp_1 -j ACCEPT",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j ACCEPT",
             "-p tcp -m tcp --dport 22 -m comment --comment _exp_1 -j ACCEPT",
             "-s 192.0.2.7/32 -m comment --comment _exp_1 -j ACCEPT",
             "",
         }) {
        CAPTURE(text);
        CHECK_FALSE(parse_iptables_rule(text, ip_family::v4, rule_direction::in, "ACCEPT"));
    }
}

TEST_CASE("an expiry is found wherever in the comment it stands") {
    struct row {
        std::string text;
        std::int64_t expires; ///< -1: none
    };
    for (const auto& r : std::vector<row>{
             {"-s 1.2.3.4/32 -m comment --comment _exp_77 -j ACCEPT", 77},
             {R"(-m comment --comment "say \"x\" _exp_77 and more" -j ACCEPT)", 77},
             {"-m comment --comment one -m comment --comment _exp_78 -j ACCEPT", 78},
             {"-m comment --comment _exp_ -j ACCEPT", -1},
             {"-m comment --comment _exp_99999999999999999999999 -j ACCEPT", -1},
             {"-j LOG --log-prefix _exp_77", -1},
             {"-j LOG --log-prefix \"--comment _exp_77\"", -1},
             {"-j ACCEPT", -1},
         }) {
        CAPTURE(r.text);
        const auto found = iptables_rule_expiry(r.text);
        CHECK((found ? to_seconds(*found) : -1) == r.expires);
    }
}

TEST_CASE("where a listed rule goes") {
    CHECK(iptables_rule_target("-i eth0 -j FWKNOP_INPUT") == "FWKNOP_INPUT");
    CHECK(iptables_rule_target("-g FWKNOP_INPUT") == "FWKNOP_INPUT");
    CHECK(iptables_rule_target("-m comment --comment \"-j FWKNOP_INPUT\" -j DROP") == "DROP");
    CHECK(iptables_rule_target("-m comment --comment -j -j DROP") == "DROP");
    CHECK_FALSE(iptables_rule_target("-s 1.2.3.4/32"));
}
