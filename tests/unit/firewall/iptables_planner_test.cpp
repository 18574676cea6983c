// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_planner.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;
using namespace std::chrono_literals;

namespace {

constexpr auto v4 = ip_family::v4;

change add(const grant_key& key, std::int64_t expires) {
    return {change_kind::add, key, from_seconds(expires), {}};
}
change extend(const grant_key& key, std::int64_t previous, std::int64_t expires) {
    return {change_kind::extend, key, from_seconds(expires), from_seconds(previous)};
}
change remove(const grant_key& key, std::int64_t expires) {
    return {change_kind::remove, key, from_seconds(expires), {}};
}

std::string only_script(const iptables_layout& chains, const change_batch& batch) {
    const auto scripts = plan_batch(chains, v4, batch);
    REQUIRE(scripts.size() == 1);
    CHECK(scripts[0].table == "filter");
    return scripts[0].text;
}

iptables_table filter(const std::string& lines) {
    return iptables_table::parse("*filter\n" + lines + "COMMIT\n", "filter");
}

// A rule of 192.0.2.7 as iptables lists it.
std::string listed(int port, std::int64_t expires) {
    return "-s 192.0.2.7/32 -p tcp -m tcp --dport " + std::to_string(port) +
           " -m comment --comment _exp_" + std::to_string(expires) + " -j ACCEPT";
}

} // namespace

TEST_CASE("one script opens, extends and closes") {
    CHECK(only_script(layout(),
                      {{add(tcp("192.0.2.7", 22), 130), add(udp("192.0.2.7", 53), 130)}, {}}) ==
          "*filter\n"
          "-C INPUT -j FWKNOP_INPUT\n"
          "-A FWKNOP_INPUT -p 6 -s 192.0.2.7 --dport 22 -m comment --comment _exp_130 -j ACCEPT\n"
          "-A FWKNOP_INPUT -p 17 -s 192.0.2.7 --dport 53 -m comment --comment _exp_130 -j ACCEPT\n"
          "COMMIT\n");
    CHECK(only_script(layout(), {{extend(tcp("192.0.2.7", 22), 130, 140)}, {}}) ==
          "*filter\n"
          "-C INPUT -j FWKNOP_INPUT\n"
          "-A FWKNOP_INPUT -p 6 -s 192.0.2.7 --dport 22 -m comment --comment _exp_140 -j ACCEPT\n"
          "-D FWKNOP_INPUT -p 6 -s 192.0.2.7 --dport 22 -m comment --comment _exp_130 -j ACCEPT\n"
          "COMMIT\n");
    CHECK(only_script(layout(), {{remove(tcp("192.0.2.7", 22), 130)},
                                 {{v4, "filter", "FWKNOP_INPUT", 2, "-i eth0 -j ACCEPT",
                                   from_seconds(1)}}}) ==
          "*filter\n"
          "-C INPUT -j FWKNOP_INPUT\n"
          "-D FWKNOP_INPUT -p 6 -s 192.0.2.7 --dport 22 -m comment --comment _exp_130 -j ACCEPT\n"
          "-D FWKNOP_INPUT -i eth0 -j ACCEPT\n"
          "COMMIT\n");
}

TEST_CASE("ENABLE_RULE_PREPEND and ENABLE_IPT_OUTPUT with a destination") {
    auto chains = layout_with_output();
    chains.prepend = true;
    grant_key key = tcp("192.0.2.7", 22);
    key.destination = address("127.0.0.1");
    CHECK(only_script(chains, {{add(key, 130)}, {}}) ==
          "*filter\n"
          "-C INPUT -j FWKNOP_INPUT\n"
          "-C OUTPUT -j FWKNOP_OUTPUT\n"
          "-I FWKNOP_INPUT -p 6 -s 192.0.2.7 -d 127.0.0.1 --dport 22 -m comment --comment _exp_130 "
          "-j ACCEPT\n"
          "-I FWKNOP_OUTPUT -p 6 -s 127.0.0.1 -d 192.0.2.7 --sport 22 -m comment --comment "
          "_exp_130 -j ACCEPT\n"
          "COMMIT\n");
}

TEST_CASE("families and tables have scripts of their own") {
    auto chains = layout_with_output();
    chains.output->table = "mangle";
    const change_batch batch{{add(tcp("192.0.2.7", 22), 130), add(tcp("2001:db8::7", 22), 130)},
                             {}};
    for (const auto family : {ip_family::v4, ip_family::v6}) {
        const auto scripts = plan_batch(chains, family, batch);
        REQUIRE(scripts.size() == 2);
        CHECK(scripts[0].table == "filter");
        CHECK(scripts[1].table == "mangle");
        CHECK(
            scripts[1].text.starts_with("*mangle\n-C OUTPUT -j FWKNOP_OUTPUT\n-A FWKNOP_OUTPUT "));
        for (const auto& script : scripts)
            CHECK((script.text.find("2001:db8::7") != std::string::npos) ==
                  (family == ip_family::v6));
    }
    CHECK(plan_batch(chains, ip_family::v6, {{add(tcp("192.0.2.7", 22), 130)}, {}}).empty());
}

TEST_CASE("repair writes what is missing and removes what is over") {
    grant_table wanted;
    wanted.open(tcp("192.0.2.7", 22), 100s, at(0)); // there
    wanted.open(tcp("192.0.2.7", 23), 100s, at(0)); // lost
    wanted.open(tcp("192.0.2.7", 24), 100s, at(0)); // new in this batch
    const change_batch batch{{add(tcp("192.0.2.7", 24), 1'000'100),
                              remove(tcp("192.0.2.7", 25), 1'000'050),
                              remove(tcp("192.0.2.7", 26), 1'000'050)},
                             {}};
    const auto saved =
        filter(":INPUT ACCEPT [0:0]\n"
               "-A INPUT -j FWKNOP_INPUT\n"
               ":FWKNOP_INPUT - [0:0]\n"
               "-A FWKNOP_INPUT " +
               listed(22, 1'000'100) +
               "\n"
               "-A FWKNOP_INPUT " +
               listed(25, 1'000'050) +
               "\n"
               "-A FWKNOP_INPUT -i eth1 -m comment --comment \"a _exp_999999 b\" -j DROP\n"
               "-A FWKNOP_INPUT -i eth1 -m comment --comment _exp_2000000 -j DROP\n"
               "-A FWKNOP_INPUT -i eth1 -j DROP\n");
    const auto plan = plan_repair(layout(), v4, "filter", saved, batch, wanted, at(0));
    CHECK(plan.script ==
          "*filter\n"
          "-D FWKNOP_INPUT " +
              listed(25, 1'000'050) +
              "\n"
              "-D FWKNOP_INPUT -i eth1 -m comment --comment \"a _exp_999999 b\" -j DROP\n"
              "-A FWKNOP_INPUT -p 6 -s 192.0.2.7 --dport 23 -m comment --comment _exp_1000100 -j "
              "ACCEPT\n"
              "-A FWKNOP_INPUT -p 6 -s 192.0.2.7 --dport 24 -m comment --comment _exp_1000100 -j "
              "ACCEPT\n"
              "COMMIT\n");
    CHECK(plan.jumps.empty());
    CHECK(plan.repairs ==
          std::vector<std::string>{"1 missing rule is written again to FWKNOP_INPUT"});
}

TEST_CASE("repair makes chain and jump again") {
    grant_table wanted;
    wanted.open(tcp("192.0.2.7", 22), 100s, at(0));
    const change_batch batch{{add(tcp("192.0.2.7", 22), 1'000'100)}, {}};
    auto chains = layout();
    chains.input.jump_position = 5;
    const auto plan =
        plan_repair(chains, v4, "filter", filter(":INPUT ACCEPT [0:0]\n-A INPUT -j DROP\n"), batch,
                    wanted, at(0));
    CHECK(
        plan.script ==
        "*filter\n"
        "-N FWKNOP_INPUT\n"
        "-I INPUT 2 -j FWKNOP_INPUT\n" // position 5 does not exist
        "-A FWKNOP_INPUT -p 6 -s 192.0.2.7 --dport 22 -m comment --comment _exp_1000100 -j ACCEPT\n"
        "COMMIT\n");
    CHECK(plan.jumps == std::vector<added_jump>{{"INPUT", "FWKNOP_INPUT"}});
    CHECK(plan.repairs ==
          std::vector<std::string>{"chain FWKNOP_INPUT was missing and is made again"});
}

TEST_CASE("repair finds nothing to do") {
    const grant_table wanted;
    const change_batch batch{{remove(tcp("192.0.2.7", 22), 1'000'050)}, {}};
    CHECK(plan_repair(layout(), v4, "filter",
                      filter(":FWKNOP_INPUT - [0:0]\n-A INPUT -j FWKNOP_INPUT\n"), batch, wanted,
                      at(100))
              .script.empty());
}

TEST_CASE("a live grant's rule stays although the wall clock went past its comment") {
    grant_table wanted;
    wanted.open(tcp("192.0.2.7", 22), 100s, at(0));
    const auto saved = filter(":FWKNOP_INPUT - [0:0]\n-A INPUT -j FWKNOP_INPUT\n-A FWKNOP_INPUT " +
                              listed(22, 1'000'100) + "\n");
    CHECK(plan_repair(layout(), v4, "filter", saved, {}, wanted, at(10, 100'000)).script.empty());
}

TEST_CASE("start with flush empties our chains and nothing else") {
    const auto saved = filter(":FWKNOP_INPUT - [0:0]\n-A INPUT -j DROP\n-A INPUT -j FWKNOP_INPUT\n"
                              "-A FWKNOP_INPUT " +
                              listed(22, 2'000'000) + "\n");
    const auto again = plan_start(layout(), v4, "filter", saved, true, at(0));
    CHECK(again.script == "*filter\n:FWKNOP_INPUT - [0:0]\nCOMMIT\n");
    CHECK(again.found.empty());
    CHECK(again.jumps.empty());

    const auto first = plan_start(layout(), v4, "filter", filter(""), true, at(0));
    CHECK(first.script == "*filter\n:FWKNOP_INPUT - [0:0]\n-I INPUT 1 -j FWKNOP_INPUT\nCOMMIT\n");
    CHECK(first.jumps == std::vector<added_jump>{{"INPUT", "FWKNOP_INPUT"}});
}

TEST_CASE("an expiry brings back nothing that somebody removed") {
    grant_table wanted;
    wanted.open(tcp("192.0.2.7", 22), 100s, at(0));
    const change_batch closes{{{change_kind::remove, tcp("192.0.2.8", 22), at(4).wall, {}}}, {}};
    // All gone; the chain emptied; the jump gone.
    for (const auto* const left :
         {":INPUT ACCEPT [0:0]\n", ":FWKNOP_INPUT - [0:0]\n-A INPUT -j FWKNOP_INPUT\n",
          ":FWKNOP_INPUT - [0:0]\n"}) {
        CAPTURE(left);
        const auto plan = plan_repair(layout(), v4, "filter", filter(left), closes, wanted, at(4));
        CHECK(plan.script.empty());
        CHECK(plan.repairs.empty());
        CHECK(plan.jumps.empty());
    }
}

TEST_CASE("start without flush adopts") {
    const std::string foreign = "-i eth1 -m comment --comment \"x _exp_1000500\" -j DROP";
    const auto saved = filter(":FWKNOP_INPUT - [0:0]\n-A INPUT -j FWKNOP_INPUT\n"
                              "-A FWKNOP_INPUT " +
                              listed(22, 1'000'100) +
                              "\n"
                              "-A FWKNOP_INPUT " +
                              listed(22, 1'000'200) +
                              "\n" // the later one
                              "-A FWKNOP_INPUT " +
                              listed(23, 1'000'000) +
                              "\n" // over
                              "-A FWKNOP_INPUT " +
                              foreign +
                              "\n"
                              "-A FWKNOP_INPUT -j RETURN\n");
    const auto plan = plan_start(layout(), v4, "filter", saved, false, at(0));
    CHECK(plan.script == "*filter\n"
                         "-D FWKNOP_INPUT " +
                             listed(22, 1'000'100) +
                             "\n"
                             "-D FWKNOP_INPUT " +
                             listed(23, 1'000'000) +
                             "\n"
                             "COMMIT\n");
    REQUIRE(plan.found.size() == 1);
    CHECK(plan.found[0].role == rule_role::input);
    CHECK(plan.found[0].rule ==
          grant_rule(rule_role::input, tcp("192.0.2.7", 22), from_seconds(1'000'200), "ACCEPT"));
    CHECK(plan.tagged == std::vector<tagged_rule>{
                             {v4, "filter", "FWKNOP_INPUT", 4, foreign, from_seconds(1'000'500)}});
}

TEST_CASE("tear-down takes our jumps and chains, and leaves what others use") {
    CHECK(plan_stop(layout(), "filter", filter(":INPUT ACCEPT [0:0]\n")).empty());
    CHECK(plan_stop(layout(), "filter",
                    filter(":FWKNOP_INPUT - [0:0]\n-A INPUT -j FWKNOP_INPUT\n-A INPUT -j DROP\n"
                           "-A INPUT -j FWKNOP_INPUT\n")) ==
          "*filter\n-D INPUT -j FWKNOP_INPUT\n-D INPUT -j FWKNOP_INPUT\n-F FWKNOP_INPUT\n"
          "-X FWKNOP_INPUT\nCOMMIT\n");
    CHECK(plan_stop(layout(), "filter",
                    filter(":FWKNOP_INPUT - [0:0]\n-A INPUT -j FWKNOP_INPUT\n"
                           "-A INPUT -i eth0 -j FWKNOP_INPUT\n")) ==
          "*filter\n-D INPUT -j FWKNOP_INPUT\n-F FWKNOP_INPUT\nCOMMIT\n");
}

TEST_CASE("the comment check leaves nothing behind") {
    CHECK(plan_comment_check(layout(), false).text ==
          "*filter\n-A FWKNOP_INPUT -m comment --comment _exp_1 -j RETURN\nCOMMIT\n");
    CHECK(plan_comment_check(layout(), true).text ==
          "*filter\n-D FWKNOP_INPUT -m comment --comment _exp_1 -j RETURN\nCOMMIT\n");
}

namespace {

iptables_layout layout_with_nat() {
    iptables_layout made = layout();
    made.forward = {"ACCEPT", "filter", "FORWARD", 1, "FWKNOP_FORWARD", 1};
    made.dnat = {"DNAT", "nat", "PREROUTING", 1, "FWKNOP_PREROUTING", 1};
    made.snat = {"SNAT", "nat", "POSTROUTING", 1, "FWKNOP_POSTROUTING", 1};
    made.masquerade = {"MASQUERADE", "nat", "POSTROUTING", 1, "FWKNOP_MASQUERADE", 1};
    return made;
}

grant_key routed(std::string_view source, std::uint16_t door) {
    nat_route route;
    route.inside = {address("10.0.0.5"), 22};
    route.translate_source = source_translation::masquerade;
    return make_grant_key(address(source), std::nullopt, {protocol::tcp, door}, route);
}

const std::string nat_head = "*nat\n-C PREROUTING -j FWKNOP_PREROUTING\n"
                             "-C POSTROUTING -j FWKNOP_POSTROUTING\n"
                             "-C POSTROUTING -j FWKNOP_MASQUERADE\n";

std::string dnat_text(int expires) {
    return "FWKNOP_PREROUTING -p 6 -s 192.0.2.7 --dport 8022 -m comment --comment _exp_" +
           std::to_string(expires) + " -j DNAT --to-destination 10.0.0.5:22\n";
}
std::string masquerade_text(int expires) {
    return "FWKNOP_MASQUERADE -p 6 -d 10.0.0.5 --dport 22 -m comment --comment _exp_" +
           std::to_string(expires) + " -j MASQUERADE --to-ports 8022\n";
}
std::string masquerade_listed(int expires) {
    return "-A FWKNOP_MASQUERADE -d 10.0.0.5/32 -p tcp -m tcp --dport 22 -m comment --comment "
           "_exp_" +
           std::to_string(expires) + " -j MASQUERADE --to-ports 8022\n";
}

} // namespace

TEST_CASE("a grant with NAT has a script for each table, extended and closed as a whole") {
    const auto chains = layout_with_nat();
    CHECK(chains.tables() == std::vector<std::string>{"filter", "nat"});
    const grant_key key = routed("192.0.2.7", 8022);
    const auto scripts = plan_batch(chains, v4, {{extend(key, 130, 140)}, {}});
    REQUIRE(scripts.size() == 2);
    CHECK(scripts[0].text ==
          "*filter\n-C INPUT -j FWKNOP_INPUT\n-C FORWARD -j FWKNOP_FORWARD\n"
          "-A FWKNOP_FORWARD -p 6 -s 192.0.2.7 --dport 22 -m comment --comment _exp_140 -j "
          "ACCEPT\n"
          "-D FWKNOP_FORWARD -p 6 -s 192.0.2.7 --dport 22 -m comment --comment _exp_130 -j "
          "ACCEPT\nCOMMIT\n");
    CHECK(scripts[1].text == nat_head + "-A " + dnat_text(140) + "-D " + dnat_text(130) + "-A " +
                                 masquerade_text(140) + "-D " + masquerade_text(130) + "COMMIT\n");
    const auto closed = plan_batch(chains, v4, {{remove(key, 140)}, {}});
    REQUIRE(closed.size() == 2);
    CHECK(closed[1].text ==
          nat_head + "-D " + dnat_text(140) + "-D " + masquerade_text(140) + "COMMIT\n");
    // Plain access leaves the other tables alone.
    CHECK(plan_batch(chains, v4, {{add(tcp("192.0.2.7", 22), 130)}, {}}).size() == 1);
}

TEST_CASE("a rule that two grants share is there twice, and one goes with each") {
    grant_table wanted;
    const grant_key first = routed("192.0.2.7", 8022);
    const grant_key second = routed("192.0.2.8", 8022);
    wanted.open(second, 100s, at(0));
    const int expires = 1'000'100;
    const std::string jumps = "-A PREROUTING -j FWKNOP_PREROUTING\n"
                              "-A POSTROUTING -j FWKNOP_POSTROUTING\n"
                              "-A POSTROUTING -j FWKNOP_MASQUERADE\n"
                              ":FWKNOP_PREROUTING - [0:0]\n:FWKNOP_POSTROUTING - [0:0]\n"
                              ":FWKNOP_MASQUERADE - [0:0]\n";
    const auto nat = [](const std::string& text) {
        return iptables_table::parse("*nat\n" + text + "COMMIT\n", "nat");
    };
    const auto both = nat(jumps + masquerade_listed(expires) + masquerade_listed(expires));
    const change_batch closes{{remove(first, expires)}, {}};
    CHECK(plan_repair(layout_with_nat(), v4, "nat", both, closes, wanted, at(50)).script ==
          "*nat\n-D " + masquerade_listed(expires).substr(3) + "COMMIT\n");

    // One of two is missing: only that is written again.
    wanted.open(first, 100s, at(0));
    const change_batch opens{{add(first, expires)}, {}};
    const auto one = nat(jumps + masquerade_listed(expires));
    const auto script = plan_repair(layout_with_nat(), v4, "nat", one, opens, wanted, at(0)).script;
    const auto copy = "-A " + masquerade_text(expires);
    REQUIRE(script.find(copy) != std::string::npos);
    CHECK(script.find(copy) == script.rfind(copy));
}

TEST_CASE("the chains of NAT are made, in an order that has masquerading first") {
    const auto nat = iptables_table::parse("", "nat");
    const auto plan = plan_start(layout_with_nat(), v4, "nat", nat, true, at(0));
    CHECK(plan.script == "*nat\n:FWKNOP_PREROUTING - [0:0]\n-I PREROUTING 1 -j FWKNOP_PREROUTING\n"
                         ":FWKNOP_POSTROUTING - [0:0]\n"
                         "-I POSTROUTING 1 -j FWKNOP_POSTROUTING\n"
                         ":FWKNOP_MASQUERADE - [0:0]\n-I POSTROUTING 1 -j FWKNOP_MASQUERADE\n"
                         "COMMIT\n");
    auto second = layout_with_nat();
    second.snat->jump_position = second.masquerade->jump_position = 2;
    // Behind the jump that the same script makes.
    CHECK(plan_start(second, v4, "nat", nat, true, at(0))
              .script.find("-I POSTROUTING 1 -j FWKNOP_POSTROUTING\n:FWKNOP_MASQUERADE - "
                           "[0:0]\n-I POSTROUTING 2 -j FWKNOP_MASQUERADE\n") != std::string::npos);
}

TEST_CASE("a grant that lacks a chain gets no rule at all") {
    auto chains = layout_with_nat();
    chains.masquerade.reset();
    const grant_key key = routed("192.0.2.7", 8022);
    CHECK(plan_batch(chains, v4, {{add(key, 130)}, {}}).empty());
    grant_table wanted;
    wanted.open(key, 100s, at(0));
    wanted.open(tcp("192.0.2.7", 22), 100s, at(0));
    const change_batch batch{{add(tcp("192.0.2.7", 22), 1'000'100)}, {}};
    const auto script = plan_repair(chains, v4, "filter", filter(""), batch, wanted, at(0)).script;
    CHECK(script.find("-A FWKNOP_INPUT ") != std::string::npos);
    CHECK(script.find("-A FWKNOP_FORWARD ") == std::string::npos);
}

TEST_CASE("rules of others that say when they end are told from ours") {
    grant_table wanted;
    wanted.open(tcp("192.0.2.7", 22), 30s, at(0));
    const auto saved =
        filter(":FWKNOP_INPUT - [0:0]\n-A FWKNOP_INPUT " + listed(22, 1'000'030) +
               "\n-A FWKNOP_INPUT " + listed(22, 1'000'030) +
               "\n-A FWKNOP_INPUT -i lo -j RETURN\n"
               "-A FWKNOP_INPUT -i lo -m comment --comment \"a _exp_9 b\" -j RETURN\n"
               "-A INPUT -m comment --comment _exp_9 -j RETURN\n");
    CHECK(find_tagged(layout(), v4, "filter", saved, wanted) ==
          std::vector<tagged_rule>{
              // ours stands there twice: one is a copy that somebody made
              {v4, "filter", "FWKNOP_INPUT", 2, listed(22, 1'000'030), from_seconds(1'000'030)},
              {v4, "filter", "FWKNOP_INPUT", 4,
               "-i lo -m comment --comment \"a _exp_9 b\" -j RETURN", from_seconds(9)}});
    CHECK(find_tagged(layout(), v4, "nat", saved, wanted).empty());
}
