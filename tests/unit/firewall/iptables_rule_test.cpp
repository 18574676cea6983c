// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_rule.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;

namespace {

constexpr std::string_view tag = "-m comment --comment _exp_1700000000 -j ";

iptables_rule rule_of(std::string_view source, std::string_view destination, std::string target) {
    iptables_rule rule;
    if (!source.empty()) rule.source = address(source);
    if (!destination.empty()) rule.destination = address(destination);
    rule.expires = from_seconds(1700000000);
    rule.target = std::move(target);
    return rule;
}

} // namespace

TEST_CASE("a rule is written in one way and known as it is listed") {
    struct row {
        iptables_rule rule;
        std::string written; ///< but for comment and target
        std::string listed;
    };
    std::vector<row> rows;
    auto one = rule_of("192.0.2.7", "", "ACCEPT");
    rows.push_back({one, "-s 192.0.2.7 ", "-s 192.0.2.7/32 "});
    one.protocol = protocol::tcp;
    one.destination_port = 22;
    rows.push_back(
        {one, "-p 6 -s 192.0.2.7 --dport 22 ", "-s 192.0.2.7/32 -p tcp -m tcp --dport 22 "});
    one.destination = address("127.0.0.1");
    one.protocol = protocol::udp;
    rows.push_back({one, "-p 17 -s 192.0.2.7 -d 127.0.0.1 --dport 22 ",
                    "-s 192.0.2.7/32 -d 127.0.0.1/32 -p udp -m udp --dport 22 "});
    one = rule_of("", "192.0.2.7", "MARKED");
    one.protocol = protocol::udp;
    one.source_port = 53;
    rows.push_back(
        {one, "-p 17 -d 192.0.2.7 --sport 53 ", "-d 192.0.2.7/32 -p udp -m udp --sport 53 "});
    for (const std::string translation :
         {"--to-destination 10.0.0.5:22", "--to-source 203.0.113.5", "--to-ports 8022"}) {
        one.translation = translation;
        rows.push_back({one, rows[3].written, rows[3].listed});
    }
    one = rule_of("192.0.2.0", "", "ACCEPT");
    one.source = network{address("192.0.2.7"), 24};
    rows.push_back({one, "-s 192.0.2.0/24 ", "-s 192.0.2.0/24 "});
    one = rule_of("2001:db8::7", "", "DNAT");
    one.protocol = protocol::tcp;
    one.destination_port = 8022;
    one.translation = "--to-destination [fd00::5]:22";
    rows.push_back({one, "-p 6 -s 2001:db8::7 --dport 8022 ",
                    "-s 2001:db8::7/128 -p tcp -m tcp --dport 8022 "});
    for (const row& each : rows) {
        CAPTURE(each.written);
        std::string end = std::string{tag} + each.rule.target;
        if (!each.rule.translation.empty()) end += " " + each.rule.translation;
        CHECK(to_text(each.rule) == each.written + end);
        const bool six = each.rule.source && each.rule.source->is_v6();
        const auto family = six ? ip_family::v6 : ip_family::v4;
        CHECK(parse_iptables_rule(each.listed + end, family) == each.rule);
    }
    one = rule_of("192.0.2.7", "", "REJECT"); // what follows is no condition
    CHECK(parse_iptables_rule("-s 192.0.2.7/32 " + std::string{tag} +
                                  "REJECT --reject-with icmp-port-unreachable",
                              ip_family::v4) == one);
}

TEST_CASE("a rule that says anything else is not ours") {
    for (const std::string text : {
             "-s 192.0.0.0/15 -p tcp -m tcp --dport 22 -m comment --comment _exp_1 -j ACCEPT",
             "-s 192.0.2.7/33 -p tcp -m tcp --dport 22 -m comment --comment _exp_1 -j ACCEPT",
             "-s 192.0.2.7/x -p tcp -m tcp --dport 22 -m comment --comment _exp_1 -j ACCEPT",
             "! -s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment _exp_1 -j ACCEPT",
             "-s 192.0.2.7/32 ! -p tcp -m tcp --dport 22 -m comment --comment _exp_1 -j ACCEPT",
             "-s 192.0.2.7/32 -i eth0 -p tcp -m tcp --dport 22 -m comment --comment _exp_1 -j "
             "ACCEPT",
             "-s 192.0.2.7/32 -p icmp -m comment --comment _exp_1 -j ACCEPT",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22:23 -m comment --comment _exp_1 -j ACCEPT",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment \"x _exp_1\" -j ACCEPT",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment _exp_1x -j ACCEPT",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment _exp_1",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m mark --mark 1 -m comment --comment "
             "_exp_1 -j ACCEPT",
             "-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j ACCEPT",
             "",
         }) {
        CAPTURE(text);
        CHECK_FALSE(parse_iptables_rule(text, ip_family::v4));
    }
}

TEST_CASE("a rule that says a thing twice is not ours") {
    const std::string once =
        "-s 192.0.2.7/32 -d 198.51.100.9/32 -p tcp -m tcp --sport 1 --dport 22 "
        "-m comment --comment _exp_5";
    CHECK(parse_iptables_rule(once + " -j ACCEPT", ip_family::v4));
    for (const char* again : {"-s 192.0.2.8/32", "-d 198.51.100.8/32", "-p udp", "--sport 2",
                              "--dport 23", "-m comment --comment _exp_6"}) {
        INFO(again);
        CHECK_FALSE(parse_iptables_rule(once + " " + again + " -j ACCEPT", ip_family::v4));
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
