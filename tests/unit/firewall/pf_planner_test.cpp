// SPDX-License-Identifier: Apache-2.0
#include "firewall/pf_planner.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;
using namespace std::chrono_literals;

namespace {

nat_route to_inside(std::string_view host, std::uint16_t port) {
    nat_route route;
    route.inside = {address(host), port};
    return route;
}

grant_key with(const nat_route& route, std::string_view source = "192.0.2.7") {
    return make_grant_key(address(source), {}, {protocol::tcp, 8022}, route);
}

std::string text_of(const grant_key& key) {
    return plan_pf_anchor(std::vector<adopted_grant>{{key, from_seconds(5)}});
}

std::optional<std::uint16_t> only_ssh(const std::string& name, protocol) {
    if (name == "ssh") return std::uint16_t{22};
    return std::nullopt;
}

// As pfctl lists what it was given.
std::string listed(std::string text) {
    const std::pair<std::string, std::string> words[] = {
        {" proto 6 ", " proto tcp "},          {" proto 17 ", " proto udp "},
        {" port 22 keep", " port = ssh keep"}, {" port 22 tag", " port = ssh tag"},
        {" port 8022 ", " port = 8022 "},      {" keep state", " flags S/SA keep state"}};
    for (const auto& [from, to] : words)
        for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
            text.replace(at, from.size(), to);
    return text;
}

pf_adoption adopt(const std::string& text) {
    return adopt_pf_anchor("", listed(text), only_ssh); // the two listings are read alike
}

} // namespace

TEST_CASE("pf: the anchor holds a rule per grant, the oldest first, whatever its family") {
    grant_table wanted;
    CHECK(plan_pf_anchor(wanted).empty());
    wanted.open(tcp("192.0.2.7", 22), 30s, at(0));
    wanted.open(udp("2001:db8::7", 53), 20s, at(1));
    grant_key widened{
        network{address("192.0.2.9"), 24}, address("198.51.100.1"), {protocol::tcp, 443}};
    wanted.open(widened, 30s, at(2));
    CHECK(plan_pf_anchor(wanted) ==
          "pass in quick proto 6 from 192.0.2.7 to any port 22 keep state label "
          "\"_exp_1000030\"\n"
          "pass in quick proto 17 from 2001:db8::7 to any port 53 keep state label "
          "\"_exp_1000021\"\n"
          "pass in quick proto 6 from 192.0.2.0/24 to 198.51.100.1 port 443 keep state label "
          "\"_exp_1000032\"\n");

    wanted.open(tcp("192.0.2.7", 22), 30s, at(10)); // extended: the youngest now
    const auto text = plan_pf_anchor(wanted);
    CHECK(text.find("_exp_1000030") == text.npos);
    CHECK(text.ends_with("port 22 keep state label \"_exp_1000040\"\n"));
}

TEST_CASE("pf: NAT is an rdr rule with a tag, before all filter rules") {
    grant_table wanted;
    wanted.open(tcp("192.0.2.7", 25), 30s, at(0));
    wanted.open(with(to_inside("10.0.0.5", 22)), 30s, at(0));
    CHECK(plan_pf_anchor(wanted) ==
          "rdr pass inet proto 6 from 192.0.2.7 to any port 8022 tag _exp_1000030 -> 10.0.0.5 port "
          "22\n"
          "pass in quick proto 6 from 192.0.2.7 to any port 25 keep state label \"_exp_1000030\"\n"
          "pass quick proto 6 from 192.0.2.7 to 10.0.0.5 port 22 keep state label "
          "\"_exp_1000030\"\n");
    CHECK(text_of(with(to_inside("fd00::5", 22), "2001:db8::7")) ==
          "rdr pass inet6 proto 6 from 2001:db8::7 to any port 8022 tag _exp_5 -> fd00::5 port 22\n"
          "pass quick proto 6 from 2001:db8::7 to fd00::5 port 22 keep state label \"_exp_5\"\n");
}

TEST_CASE("pf: each kind of NAT") {
    auto route = to_inside("10.0.0.5", 22);
    const std::string rdr =
        "rdr pass inet proto 6 from 192.0.2.7 to any port 8022 tag _exp_5 -> 10.0.0.5 port 22\n";
    const std::string pass =
        "pass quick proto 6 from 192.0.2.7 to 10.0.0.5 port 22 keep state label \"_exp_5\"\n";

    SECTION("source address") {
        route.translate_source = source_translation::address;
        route.source_address = address("203.0.113.5");
        CHECK(text_of(with(route)) ==
              "nat pass inet proto 6 from 192.0.2.7 to 10.0.0.5 port 22 tag _exp_5 -> "
              "203.0.113.5\n" +
                  rdr + pass);
    }
    SECTION("local: nothing is forwarded") {
        route.local = true;
        CHECK(text_of(with(route)) == rdr);
        route.translate_source = source_translation::masquerade; // nothing leaves
        CHECK(text_of(with(route)) == rdr);
    }
    SECTION("local, destination kept") {
        route.local = true;
        route.translate_destination = false;
        CHECK(text_of(with(route)) ==
              "pass in quick proto 6 from 192.0.2.7 to any port 22 keep state label \"_exp_5\"\n");
    }
    SECTION("all ports") {
        route.all_ports = true;
        CHECK(text_of(with(route)) ==
              "rdr pass inet from 192.0.2.7 to any tag _exp_5 -> 10.0.0.5\n"
              "pass quick from 192.0.2.7 to 10.0.0.5 keep state label \"_exp_5\"\n");
    }
    SECTION("all ports, local: one of them is let in") {
        route.all_ports = route.local = true;
        CHECK(text_of(with(route)) ==
              "rdr inet from 192.0.2.7 to any tag _exp_5 -> 10.0.0.5\n"
              "pass in quick proto 6 from 192.0.2.7 to 10.0.0.5 port 22 keep state label "
              "\"_exp_5\"\n");
    }
    SECTION("masquerade and no destination: no rule at all, and the reason") {
        route.translate_source = source_translation::masquerade;
        CHECK(text_of(with(route)).empty());
        CHECK(pf_obstacle(with(route)).find("FORCE_SNAT") != std::string::npos);
        route.translate_source = source_translation::none;
        route.translate_destination = false;
        CHECK(text_of(with(route)).empty());
        CHECK(pf_obstacle(with(route)).find("DISABLE_DNAT") != std::string::npos);
    }
}

TEST_CASE("pf: grants are found again in what pfctl lists") {
    std::vector<adopted_grant> grants;
    const auto add = [&grants](const grant_key& key) {
        grants.push_back({key, from_seconds(static_cast<int>(grants.size()) + 1)});
    };
    add(tcp("192.0.2.7", 22));
    add(udp("2001:db8::7", 53));
    add({network{address("2001:db8:1::"), 48}, address("2001:db8::1"), {protocol::tcp, 22}});
    auto route = to_inside("10.0.0.5", 22);
    add(with(route));
    route.translate_source = source_translation::address;
    route.source_address = address("203.0.113.5");
    add(with(route));
    add(with(to_inside("fd00::5", 22), "2001:db8::7"));
    route = to_inside("10.0.0.6", 22);
    route.local = true;
    add(with(route));
    route.all_ports = true;
    add(with(route));
    route = to_inside("10.0.0.7", 0);
    route.all_ports = true;
    add(with(route));

    auto found = adopt(plan_pf_anchor(grants));
    CHECK(found.unknown == 0);
    std::ranges::sort(found.grants, {}, &adopted_grant::expires);
    REQUIRE(found.grants.size() == grants.size());
    for (std::size_t i = 0; i < grants.size(); ++i) {
        CAPTURE(i, text_of(grants[i].key), text_of(found.grants[i].key));
        CHECK(found.grants[i] == grants[i]);
    }
}

TEST_CASE("pf: what is no rule of ours is counted, and no grant") {
    const auto unknown = [](const std::string& line) {
        const auto found = adopt_pf_anchor("", line, only_ssh);
        CHECK(found.grants.empty());
        return found.unknown;
    };
    for (const std::string line :
         {"block drop in quick all", "pass in quick inet proto tcp from any to any port = ssh",
          "pass in quick inet proto tcp from 192.0.2.7 to any port = nosuch flags S/SA keep state "
          "label \"_exp_5\"",
          "pass in quick inet proto tcp from 192.0.2.7 to any port = ssh flags S/SA keep state "
          "label "
          "\"exp_5\"",
          "pass in quick inet proto tcp from 192.0.2.7 to any port = ssh keep state label "
          "\"_exp_5\" rtable 1",
          "pass in quick inet proto tcp from 192.0.2.300 to any port = ssh keep state label "
          "\"_exp_5\"",
          "pass quick inet proto tcp from 192.0.2.7 to 10.0.0.5 port = ssh keep state label "
          "\"_exp_5\"", // its rdr is missing
          "rdr pass on em0 inet proto tcp from 192.0.2.7 to any port = 8022 -> 10.0.0.5 port 22",
          "rdr inet from 192.0.2.7 to any tag _exp_5 -> 10.0.0.5", "pass", "rdr pass"}) {
        CAPTURE(line);
        CHECK(unknown(line) == 1);
    }
    CHECK(unknown("\n  \n") == 0);
}

TEST_CASE("pf: which anchors there are, and whether they are linked") {
    CHECK(lists_pf_anchor("  ftp-proxy\n  fwknop\n", "fwknop"));
    CHECK_FALSE(lists_pf_anchor("  fwknop2\n  my/fwknop\n", "fwknop"));
    CHECK(lists_pf_anchor("  my/fwknop\n", "my/fwknop"));
    const std::string nat = "nat-anchor \"ftp\" all\nrdr-anchor \"fwknop\" all\n";
    CHECK(links_pf_anchor(nat, "rdr-anchor", "fwknop"));
    CHECK_FALSE(links_pf_anchor(nat, "nat-anchor", "fwknop"));
    CHECK(links_pf_anchor("nat-anchor \"*\" all\n", "nat-anchor", "fwknop"));

    for (const std::string name : {"fwknop", "my/fwknop", "a-b.c_d"})
        CHECK(pf_anchor_fault(name).empty());
    for (const std::string name :
         {"", "-a", "/a", "a/", "a//b", "_pf", "a b", "a\"b", "a\nb", "*"}) {
        CAPTURE(name);
        CHECK_FALSE(pf_anchor_fault(name).empty());
    }
}
