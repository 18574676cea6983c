// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_ruleset.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <optional>
#include <set>
#include <string>

using namespace fwknop;

namespace {

std::set<nft_shape> shapes_of(const nft_layout& layout) {
    const auto shapes = layout.shapes();
    return {shapes.begin(), shapes.end()};
}

nft_layout hiding() {
    nft_layout layout;
    layout.protect = {{protocol::tcp, 22, 22}, {protocol::udp, 5000, 5100}};
    return layout;
}

} // namespace

TEST_CASE("the ruleset of mode protect") {
    const auto layout = hiding();
    CHECK(setup_script(layout, shapes_of(layout), {.empty_sets = {"grant6"}}) ==
          R"(add table inet fwknop
add set inet fwknop grant4 { type ipv4_addr . inet_proto . inet_service; flags timeout; }
add set inet fwknop grant6 { type ipv6_addr . inet_proto . inet_service; flags timeout; }
flush set inet fwknop grant6
add set inet fwknop protected { type inet_proto . inet_service; flags interval, timeout; }
flush set inet fwknop protected
add element inet fwknop protected { tcp . 22, udp . 5000-5100 }
add chain inet fwknop input { type filter hook input priority filter - 5; policy accept; }
flush chain inet fwknop input
add rule inet fwknop input ct state established,related accept
add rule inet fwknop input iif lo accept
add rule inet fwknop input tcp flags & (syn | ack | rst) != syn accept
add rule inet fwknop input ip saddr . meta l4proto . th dport @grant4 accept
add rule inet fwknop input ip6 saddr . meta l4proto . th dport @grant6 accept
add rule inet fwknop input meta l4proto . th dport @protected drop comment "no grant: hidden"
)");
    CHECK(chain_sizes(layout, shapes_of(layout)).at("input") == 6);
}

TEST_CASE("sets for networks, destinations and NAT have rules of their own") {
    auto layout = hiding();
    layout.nat = layout.source_nat = true;
    auto shapes = shapes_of(layout);
    shapes.insert({rule_role::input, ip_family::v4, 20, true, false});
    shapes.insert({rule_role::input, ip_family::v6, 64, false, false});
    shapes.insert({rule_role::dnat, ip_family::v4, 32, false, true});
    const auto text = setup_script(layout, shapes, {});
    for (const std::string line : {
             "add set inet fwknop grant4_20_to { type ipv4_addr . ipv4_addr . inet_proto . "
             "inet_service; flags timeout; }",
             "add map inet fwknop dnat4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . "
             "inet_service; flags timeout; }",
             "add rule inet fwknop input ip saddr & 255.255.240.0 . ip daddr . meta l4proto . th "
             "dport @grant4_20_to accept",
             "add rule inet fwknop input ip6 saddr & ffff:ffff:ffff:ffff:: . meta l4proto . th "
             "dport @grant6_64 accept",
             "add rule inet fwknop forward ct status & dnat != dnat accept",
             "add rule inet fwknop forward ip saddr . meta l4proto . th dport @forward4 accept",
             "add rule inet fwknop prerouting dnat ip to ip saddr . meta l4proto . th dport map "
             "@dnat4",
             "add rule inet fwknop prerouting dnat ip to ip saddr map @dnat4_all",
             "add rule inet fwknop postrouting snat ip6 to ip6 saddr . ip6 daddr . meta l4proto . "
             "th dport map @snat6",
             "add rule inet fwknop postrouting meta nfproto ipv4 meta l4proto { tcp, udp } "
             "masquerade to : ip saddr . ip daddr . meta l4proto . th dport map @masquerade4",
         }) {
        INFO(text);
        CHECK(text.find(line + "\n") != text.npos);
    }
}

TEST_CASE("mode sets makes nothing but sets") {
    auto layout = hiding();
    layout.mode = nft_mode::sets;
    const auto text = setup_script(layout, shapes_of(layout), {});
    CHECK(text.find("chain") == text.npos);
    CHECK(text.find("protected") == text.npos);
    CHECK(chain_sizes(layout, shapes_of(layout)).empty());
}

TEST_CASE("the tear-down takes what is ours") {
    const auto layout = hiding();
    CHECK(teardown_script(layout, {}).empty());
    CHECK(teardown_script(layout, {{"input"}, {"grant4", "grant6_64", "protected"}}) ==
          "delete table inet fwknop\n");
    CHECK(teardown_script(layout, {{"input", "guests"}, {"grant4", "visitors"}}) ==
          "flush chain inet fwknop input\ndelete chain inet fwknop input\n"
          "flush set inet fwknop grant4\n");

    auto sets = layout;
    sets.mode = nft_mode::sets;
    CHECK(teardown_script(sets, {{"input"}, {"grant4", "blocked"}}) ==
          "flush set inet fwknop grant4\n");
}

TEST_CASE("mode chain touches nothing of a table but what is ours, and jumps first") {
    nft_layout layout;
    layout.mode = nft_mode::chain;
    layout.family = nft_family::ip;
    layout.table = "filter";
    layout.prefix = "fwknop_";
    layout.base_chain = "input";
    CHECK(
        setup_script(layout, shapes_of(layout), {.stale_jumps = {7, 9}}) ==
        R"(add set ip filter fwknop_grant4 { type ipv4_addr . inet_proto . inet_service; flags timeout; }
add chain ip filter fwknop_input
flush chain ip filter fwknop_input
add rule ip filter fwknop_input ip saddr . meta l4proto . th dport @fwknop_grant4 accept
delete rule ip filter input handle 7
delete rule ip filter input handle 9
insert rule ip filter input jump fwknop_input comment "fwknopd: fwknop_input"
)");
    CHECK(setup_script(layout, shapes_of(layout), {.jump = false}).find("rule ip filter input ") ==
          std::string::npos);
    CHECK(chain_sizes(layout, shapes_of(layout)).at("fwknop_input") == 1);

    const nft_objects present{{"input", "fwknop_input", "fwknop_guests"},
                              {"fwknop_grant4", "fwknop_grant4_24", "grant4", "protected"},
                              {7}};
    CHECK(teardown_script(layout, present) == R"(delete rule ip filter input handle 7
flush chain ip filter fwknop_input
delete chain ip filter fwknop_input
delete set ip filter fwknop_grant4
delete set ip filter fwknop_grant4_24
)");
    CHECK(teardown_script(layout, present, true) == R"(delete rule ip filter input handle 7
flush chain ip filter fwknop_input
flush set ip filter fwknop_grant4
flush set ip filter fwknop_grant4_24
)");
    CHECK(list_script(layout, present) == R"(list chain ip filter fwknop_input
list set ip filter fwknop_grant4
list set ip filter fwknop_grant4_24
)");
    CHECK(teardown_script(layout, {{"input"}, {"grant4"}}).empty());
}

TEST_CASE("ports are hidden for a time, without end, or not any more") {
    const auto layout = hiding();
    const auto hidden = [&](std::optional<std::chrono::milliseconds> time) {
        const auto text = setup_script(layout, shapes_of(layout), {.hide_for = time});
        const auto begin = text.find("flush set inet fwknop protected\n");
        return text.substr(begin, text.find("add chain") - begin);
    };
    const std::string for_ever = "flush set inet fwknop protected\nadd element inet fwknop "
                                 "protected { tcp . 22, udp . 5000-5100 }\n";
    CHECK(hidden(std::nullopt) == for_ever);
    CHECK(hide_script(layout) == for_ever);
    CHECK(hidden(std::chrono::milliseconds{1500}) ==
          "flush set inet fwknop protected\nadd element inet fwknop protected { tcp . 22 timeout "
          "1500ms, udp . 5000-5100 timeout 1500ms }\n");
    for (const int over : {0, -5})
        CHECK(hidden(std::chrono::milliseconds{over}) == "flush set inet fwknop protected\n");
}
