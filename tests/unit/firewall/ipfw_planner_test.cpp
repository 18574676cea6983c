// SPDX-License-Identifier: Apache-2.0
#include "firewall/ipfw_planner.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

change add(const grant_key& key, int expires) {
    return {change_kind::add, key, at(expires).wall, {}};
}
change extend(const grant_key& key, int expires, int previous) {
    return {change_kind::extend, key, at(expires).wall, at(previous).wall};
}
change over(const grant_key& key, int expires) {
    return {change_kind::remove, key, at(expires).wall, {}};
}

// What ipfw lists: `number set rule`.
std::string listed(int number, int set, const std::string& rule) {
    return (set == 2 ? "# DISABLED " : "") + std::to_string(number) + " set " +
           std::to_string(set) + " " + rule + "\n";
}
std::string listed(int number, int set, const grant_key& key, int expires) {
    std::string text = to_text(ipfw_rule_of(key, at(expires).wall));
    text.replace(0, 4, "allow");
    text.replace(text.find("keep-state"), 10, "keep-state :default");
    return listed(number, set, text);
}

const grant_key ssh = tcp("192.0.2.7", 22);
const grant_key dns = udp("192.0.2.7", 53);
const grant_key ssh6 = tcp("2001:db8::7", 22);
const std::string others = listed(100, 0, "allow ip from any to any via lo0") +
                           listed(10001, 0, "deny ip from 198.51.100.1 to any") +
                           listed(65535, 31, "deny ip from any to any");

grant_table table(const std::vector<change>& changes) {
    grant_table wanted;
    for (const change& each : changes) wanted.adopt(each.key, each.expires, at(0));
    return wanted;
}

ipfw_change_plan plan(const std::string& listing, const std::vector<change>& changes,
                      const grant_table& wanted, const ipfw_layout& layout = {}) {
    return plan_ipfw_changes(layout, parse_ipfw_listing(listing), {changes, {}}, wanted);
}

} // namespace

TEST_CASE("ipfw: a grant's rule, and the grant of a rule") {
    CHECK(to_text(ipfw_rule_of(ssh, from_seconds(5))) ==
          "pass tcp from 192.0.2.7 to me dst-port 22 setup keep-state // _exp_5");
    CHECK(to_text(ipfw_rule_of(dns, from_seconds(5))) ==
          "pass udp from 192.0.2.7 to me dst-port 53 keep-state // _exp_5");
    CHECK(to_text(ipfw_rule_of(ssh6, from_seconds(5))) ==
          "pass tcp from 2001:db8::7 to me6 dst-port 22 setup keep-state // _exp_5");
    const grant_key wide{
        network{address("192.0.2.0"), 24}, address("198.51.100.1"), {protocol::tcp, 22}};
    CHECK(to_text(ipfw_rule_of(wide, from_seconds(5))) ==
          "pass tcp from 192.0.2.0/24 to 198.51.100.1 dst-port 22 setup keep-state // _exp_5");
    for (const grant_key& key : {ssh, dns, ssh6, wide}) {
        const auto listing = parse_ipfw_listing(listed(10000, 1, key, 5));
        REQUIRE(listing.rules.size() == 1);
        REQUIRE(listing.rules[0].ours);
        CHECK(key_of(*listing.rules[0].ours) == key);
        CHECK(listing.rules[0].expires == at(5).wall);
    }
}

TEST_CASE("ipfw: a listing with sets, switched off sets, others' rules and dynamic rules") {
    const auto listing = parse_ipfw_listing(
        others + listed(10002, 1, "check-state :default") + listed(10003, 2, ssh, 5) +
        listed(10004, 1, "allow tcp from 192.0.2.1 to me dst-port 1 // backup _exp_7 x") +
        "00100 count ip from any to any\nrubbish\n70000 set 1 allow ip from any to any\n"
        "## Dynamic rules (2 256):\n10003   12  1234 (20s) STATE tcp 192.0.2.7 1 <-> 192.0.2.1 22\n"
        "  00100    3    99 (5s) PARENT 1 tcp\n");
    REQUIRE(listing.rules.size() == 6);
    CHECK(listing.rules[0].number == 100);
    CHECK_FALSE(listing.rules[0].ours);
    CHECK(listing.rules[2].set == 31);
    CHECK(listing.rules[3].check_state);
    CHECK(listing.rules[4].set == 2);
    CHECK(listing.rules[4].ours);
    CHECK_FALSE(listing.rules[5].ours);
    CHECK(listing.rules[5].expires == from_seconds(7));
    CHECK(listing.in_use == std::unordered_set<std::uint16_t>{10003, 100});
}

TEST_CASE("ipfw: open, extend and expire, rule by rule") {
    const std::vector<change> opened{add(ssh, 30), add(dns, 30)};
    auto made = plan(others, opened, table(opened));
    // 10001 is somebody else's.
    CHECK(made.script ==
          lines{"add 10000 set 1 pass tcp from 192.0.2.7 to me dst-port 22 setup keep-state // "
                "_exp_1000030",
                "add 10002 set 1 pass udp from 192.0.2.7 to me dst-port 53 keep-state // "
                "_exp_1000030"});
    CHECK(made.opened.at(ssh) == 10000);
    CHECK(made.opened.at(dns) == 10002);
    CHECK_FALSE(made.moves);
    CHECK(made.repairs.empty());

    const std::string both = others + listed(10000, 1, ssh, 30) + listed(10002, 1, dns, 30);
    made = plan(both, {extend(ssh, 40, 30)}, table({add(ssh, 40), add(dns, 30)}));
    CHECK(made.script ==
          lines{"add 10003 set 1 pass tcp from 192.0.2.7 to me dst-port 22 setup keep-state // "
                "_exp_1000040",
                "set disable 2", "set move rule 10000 to 2"});
    CHECK(made.opened.at(ssh) == 10003);
    CHECK(made.moves);

    made = plan(both, {over(dns, 30)}, table({add(ssh, 30)}));
    CHECK(made.script == lines{"set disable 2", "set move rule 10002 to 2"});
    CHECK(made.closed.at(to_text(ipfw_rule_of(dns, at(30).wall))) == 10002);
}

TEST_CASE("ipfw: numbers are used again once their rules are purged, not before") {
    const std::string moved = listed(10000, 2, ssh, 30);
    CHECK(plan(moved, {add(dns, 60)}, table({add(dns, 60)})).opened.at(dns) == 10001);
    CHECK(plan("", {add(dns, 60)}, table({add(dns, 60)})).opened.at(dns) == 10000);
}

TEST_CASE("ipfw: what was done by a script that was cut short is not done twice") {
    // The extension's rule is there, the one before has moved; a close has happened.
    const std::string listing =
        listed(10000, 2, ssh, 30) + listed(10001, 1, ssh, 40) + listed(10002, 2, dns, 30);
    const auto made = plan(listing, {extend(ssh, 40, 30), over(dns, 30)}, table({add(ssh, 40)}));
    CHECK(made.script.empty());
    CHECK(made.opened.at(ssh) == 10001);
    CHECK(made.closed.at(to_text(ipfw_rule_of(dns, at(30).wall))) == 10002);
}

TEST_CASE("ipfw: rules that have gone missing come back with what opens, not with what closes") {
    const auto wanted = table({add(ssh, 30), add(ssh6, 40), add(dns, 50)});
    auto made = plan(others, {add(dns, 50)}, wanted);
    CHECK(made.script.size() == 3);
    CHECK(made.repairs == lines{"2 rules were gone from set 1 and are there again"});
    made = plan(others, {over(tcp("192.0.2.9", 22), 30)}, wanted);
    CHECK(made.script.empty());
    CHECK(made.closed.empty()); // it was gone, too
}

TEST_CASE("ipfw: the range of numbers has an end") {
    ipfw_layout layout;
    layout.first = 65533;
    const std::vector<change> three{add(ssh, 30), add(dns, 30), add(ssh6, 30)};
    auto made = plan(others, three, table(three), layout);
    CHECK(made.script.size() == 2);
    CHECK(made.exhausted == std::vector<std::size_t>{2});
    CHECK(made.opened.at(dns) == 65534);
    const std::string full = listed(65533, 1, ssh, 30) + listed(65534, 2, dns, 30);
    const auto text = ipfw_exhaustion(layout, parse_ipfw_listing(full));
    CHECK(text.find("from 65533 to 65534 are in use, 1 of them by expired") != text.npos);
    CHECK(text.find("raise IPFW_MAX_RULES") != text.npos);

    made = plan(full, {extend(ssh, 40, 30)}, table({add(ssh, 40)}), layout);
    CHECK(made.script.empty()); // the rule before stays
    CHECK(made.exhausted == std::vector<std::size_t>{0});
    made = plan(listed(65533, 1, ssh, 30), {over(ssh, 30)}, table({}), layout);
    CHECK(made.script == lines{"set disable 2", "set move rule 65533 to 2"});
}

TEST_CASE("ipfw: a number shared with somebody else's rule is not touched") {
    const std::string shared =
        listed(10000, 1, ssh, 30) + listed(10000, 0, "deny ip from any to any");
    auto made = plan(shared, {over(ssh, 30)}, table({}));
    CHECK(made.script.empty());
    CHECK(made.stuck == std::vector<std::size_t>{0});
    CHECK(made.shared == std::vector<std::uint16_t>{10000});
    made = plan(shared, {extend(ssh, 40, 30)}, table({add(ssh, 40)}));
    CHECK(made.script.empty());
    CHECK(made.stuck == std::vector<std::size_t>{0});
    CHECK(plan_ipfw_purge({}, parse_ipfw_listing(listed(10000, 2, ssh, 30) +
                                                 listed(10000, 0, "deny ip from any to any")))
              .script.empty());
}

TEST_CASE("ipfw: start with and without a flush") {
    const std::string listing =
        others + listed(10000, 1, ssh, 30) + listed(10002, 1, ssh, 20) + listed(10003, 1, dns, 40) +
        listed(10004, 1, "allow tcp from 192.0.2.1 to any // x _exp_7") + listed(10005, 2, ssh6, 1);
    ipfw_layout layout;
    auto made = plan_ipfw_start(layout, parse_ipfw_listing(listing), true);
    CHECK(made.script == lines{"delete set 1", "set disable 2"});
    CHECK(made.adopted.empty());
    CHECK(made.leftovers);
    CHECK(plan_ipfw_start(layout, parse_ipfw_listing(others), true).script ==
          lines{"set disable 2"});

    layout.check_state = true;
    made = plan_ipfw_start(layout, parse_ipfw_listing(listing), false);
    CHECK(made.script == lines{"set disable 2", "add 10000 set 1 check-state"});
    CHECK(made.adopted == std::vector<adopted_grant>{{ssh, at(30).wall}, {dns, at(40).wall}});
    REQUIRE(made.tagged.size() == 2); // the shorter of two for one grant, and somebody else's
    CHECK(made.tagged[0].position == 10002);
    CHECK(made.tagged[1].position == 10004);
    CHECK(made.tagged[1].expires == from_seconds(7));

    const auto gone =
        plan_ipfw_changes({}, parse_ipfw_listing(listing), {{}, made.tagged}, table({}));
    CHECK(gone.script ==
          lines{"set disable 2", "set move rule 10002 to 2", "set move rule 10004 to 2"});
    const auto changed =
        plan_ipfw_changes({}, parse_ipfw_listing(others), {{}, made.tagged}, table({}));
    CHECK(changed.script.empty()); // nobody else's rule goes in their stead

    CHECK(plan_ipfw_stop(layout, parse_ipfw_listing(listing)) ==
          lines{"delete set 1", "delete set 2"});
    CHECK(plan_ipfw_stop(layout, parse_ipfw_listing(others)).empty());
}

TEST_CASE("ipfw: the check-state rule has the first number, and comes back") {
    ipfw_layout layout;
    layout.check_state = true;
    const auto made = plan(others, {add(ssh, 30)}, table({add(ssh, 30)}), layout);
    REQUIRE(made.script.size() == 2);
    CHECK(made.script[0] == "add 10000 set 1 check-state");
    CHECK(made.opened.at(ssh) == 10002); // 10001 is somebody else's
    CHECK(made.repairs.size() == 1);
    CHECK(plan(others + listed(10000, 1, "check-state :default"), {add(ssh, 30)},
               table({add(ssh, 30)}), layout)
              .script.size() == 1);
}

TEST_CASE("ipfw: what no connection uses is purged") {
    const std::string listing = others + listed(10000, 1, dns, 30) + listed(10002, 2, ssh, 20) +
                                listed(10003, 2, ssh6, 20) +
                                "## Dynamic rules (1 128):\n10002 1 1 (20s) STATE tcp x\n";
    auto made = plan_ipfw_purge({}, parse_ipfw_listing(listing));
    CHECK(made.script == lines{"delete 10003"});
    CHECK(made.purged == std::vector<std::uint16_t>{10003});
    CHECK(made.kept == 1);
    made = plan_ipfw_purge({}, parse_ipfw_listing(others));
    CHECK(made.script.empty());
    CHECK(made.kept == 0);
    CHECK(to_text(lines{"a", "b"}) == "a\nb\n");
}
