// SPDX-License-Identifier: Apache-2.0
#include "core/policy/access_config.hpp"
#include "core/policy/decision.hpp"
#include "daemon/firewall_setup.hpp"
#include "firewall/grant_route.hpp"
#include "firewall/iptables_planner.hpp"
#include "policy/memory_reader.hpp"

#include <catch2/catch.hpp>

#include <sstream>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::daemon;

// Configuration and request in, rules out: each case as it was recorded of the 2.6 line, from the
// text of the files to the script for iptables-restore. Where ours differs, the case says so.

namespace {

using lines = std::vector<std::string>;

constexpr std::int64_t noon = 1'700'000'000;

struct request {
    message_type type = message_type::access;
    std::string access;
    std::string nat{};
};

struct row {
    std::string name;
    std::string server; ///< directives, separated by |
    std::string stanza; ///< likewise
    request asked;
    lines expected; ///< chain and rule, without the comment; empty: refused
    refusal reason = refusal::nat_not_allowed;
};

ip_address at(std::string_view text) {
    return *ip_address::parse(text);
}

std::string as_file(const std::string& directives, const std::string& end) {
    std::istringstream list{directives};
    std::string text;
    for (std::string one; std::getline(list, one, '|');) text += one + end;
    return text;
}

// What was recorded of source 192.0.2.7 and destination 127.0.0.1, or an IPv6 pair.
struct trial {
    server_config server;
    std::vector<stanza> stanzas;
    ip_address client = at("192.0.2.7");
    ip_address own = at("127.0.0.1");

    explicit trial(const row& r) {
        diagnostics report;
        REQUIRE(parse_server_config("c", as_file(r.server, ";\n"), server, report));
        REQUIRE(finish_server_config(server, report));
        memory_reader files{{"/a", "SOURCE ANY\nKEY abcdefgh\n" + as_file(r.stanza, "\n")}};
        stanzas = parse_access_config(
            "/a", files, server, [](int, int, int) { return unix_time{}; }, report);
        CAPTURE(r.name, report.failed() ? report.first_error()->to_string() : "");
        REQUIRE(stanzas.size() == 1);
    }

    [[nodiscard]] decision judge(const request& asked) const {
        message packet;
        packet.user = "alice";
        packet.time = noon;
        packet.type = asked.type;
        packet.text = client.to_string() + "," + asked.access;
        if (!asked.nat.empty()) packet.nat_access = asked.nat;
        return decide(packet, stanzas[0], server, client, own, 62201, from_seconds(noon), true);
    }

    /// As the keeper does it: one change for each grant, and the scripts for all.
    [[nodiscard]] lines rules(const access_decision& granted) const {
        change_batch batch;
        for (const service& door : granted.services) {
            batch.changes.push_back(
                {change_kind::add,
                 make_grant_key(granted.source, granted.destination, door, granted.nat),
                 from_seconds(5),
                 {}});
            if (granted.nat) break;
        }
        const auto& nat = stanzas[0].nat;
        const auto layout = iptables_layout_of(server, nat.force_snat || nat.force_masquerade);
        lines found;
        for (const auto& script : plan_batch(layout, client.family(), batch)) {
            std::istringstream text{script.text};
            for (std::string line; std::getline(text, line);) {
                if (!line.starts_with("-A ") && !line.starts_with("-I ")) continue;
                const std::string comment = "-m comment --comment _exp_5 ";
                const auto where = line.find(comment);
                REQUIRE(where != line.npos);
                line.erase(where, comment.size());
                REQUIRE(line.find("FWKNOP_") == 3);
                found.push_back(line.substr(3 + 7));
                if (line.starts_with("-I ")) found.back() = "first " + found.back();
            }
        }
        return found;
    }
};

constexpr auto plain = message_type::access;
constexpr auto nat = message_type::nat_access;
constexpr auto local = message_type::local_nat_access;

const std::string F = "ENABLE_IPT_FORWARDING Y";
const std::string L = "ENABLE_IPT_LOCAL_NAT Y";
const std::string SN = "|ENABLE_IPT_SNAT Y";
const std::string TR = "|SNAT_TRANSLATE_IP 203.0.113.5";
const std::string DEST = "|ENABLE_DESTINATION_RULE Y";
const std::string FN = "FORCE_NAT 10.0.0.9 2222";
const std::string FA = "|FORWARD_ALL Y";
const std::string FS = "|FORCE_SNAT 203.0.113.7";
const std::string FM = "|FORCE_MASQUERADE Y";
const std::string DD = "|DISABLE_DNAT Y";

const std::string S = "-s 192.0.2.7 ";
const std::string TCP = "-p 6 " + S;
const std::string D = "-d 127.0.0.1 ";
const std::string to_5 = "PREROUTING " + TCP + "--dport 8022 -j DNAT --to-destination 10.0.0.5:22";
const std::string to_9 =
    "PREROUTING " + TCP + "--dport 8022 -j DNAT --to-destination 10.0.0.9:2222";
const std::string forward_22 = "FORWARD " + TCP + "--dport 22 -j ACCEPT";
const std::string forward_2222 = "FORWARD " + TCP + "--dport 2222 -j ACCEPT";
const std::string forward_all = "FORWARD " + S + "-j ACCEPT";
const std::string input_22 = "INPUT " + TCP + "--dport 22 -j ACCEPT";
const std::string masquerade_5 =
    "MASQUERADE -p 6 -d 10.0.0.5 --dport 22 -j MASQUERADE --to-ports 8022";
const std::string masquerade_9 =
    "MASQUERADE -p 6 -d 10.0.0.9 --dport 2222 -j MASQUERADE --to-ports 8022";
const std::string snat_9 = "POSTROUTING -p 6 -d 10.0.0.9 --dport 2222 -j SNAT --to-source ";
const std::string masquerade_all = "MASQUERADE " + S + "-j MASQUERADE";
const std::string snat_all = "POSTROUTING " + S + "-j SNAT --to-source ";

const request nat_request{nat, "tcp/8022", "10.0.0.5,22"};
const request forced{plain, "tcp/8022"};
const request local_request{local, "tcp/22", "127.0.0.1,22"};
const request local_port{local, "tcp/8022", "127.0.0.1,22"};

std::vector<row> recorded() {
    const request two{plain, "tcp/22,udp/53"};
    const std::string udp = "-p 17 " + S;
    return {
        {"two ports", "", "", two, {input_22, "INPUT " + udp + "--dport 53 -j ACCEPT"}},
        {"prepended",
         "ENABLE_RULE_PREPEND Y",
         "",
         two,
         {"first " + input_22, "first INPUT " + udp + "--dport 53 -j ACCEPT"}},
        {"output",
         "ENABLE_IPT_OUTPUT Y",
         "",
         {plain, "tcp/22"},
         {input_22, "OUTPUT -p 6 -d 192.0.2.7 --sport 22 -j ACCEPT"}},
        {"output never for NAT", F + "|ENABLE_IPT_OUTPUT Y", "", nat_request, {forward_22, to_5}},
        {"destination and output",
         "ENABLE_IPT_OUTPUT Y" + DEST,
         "",
         {plain, "tcp/22"},
         {"INPUT " + TCP + D + "--dport 22 -j ACCEPT",
          "OUTPUT -p 6 -s 127.0.0.1 -d 192.0.2.7 --sport 22 -j ACCEPT"}},
        {"NAT, F", F, "", nat_request, {forward_22, to_5}},
        {"NAT, F + DEST",
         F + DEST,
         "",
         nat_request,
         {forward_22,
          "PREROUTING " + TCP + D + "--dport 8022 -j DNAT --to-destination 10.0.0.5:22"}},
        {"NAT, L only", L, "", nat_request, {}},
        {"NAT, nothing enabled", "", "", nat_request, {}},
        {"NAT, several ports", F, "", {nat, "tcp/8022,udp/53", "10.0.0.5,22"}, {forward_22, to_5}},
        {"NAT, F + TR without SN", F + TR, "", nat_request, {forward_22, to_5}},
        {"NAT, F + SN", F + SN, "", nat_request, {forward_22, to_5, masquerade_5}},
        {"NAT, F + SN + TR",
         F + SN + TR,
         "",
         nat_request,
         {forward_22, to_5,
          "POSTROUTING -p 6 -d 10.0.0.5 --dport 22 -j SNAT --to-source 203.0.113.5"}},
        {"FN, F", F, FN, forced, {forward_2222, to_9}},
        {"FN, L", L, FN, forced, {forward_2222, to_9}},
        {"FN overrides the client", F, FN, nat_request, {forward_2222, to_9}},
        {"FN, local",
         F + "|" + L,
         FN,
         local_port,
         {"INPUT " + TCP + "--dport 2222 -j ACCEPT", to_9}},
        {"FN + DD", F, FN + DD, forced, {forward_2222}},
        {"FN + FA",
         F,
         FN + FA,
         forced,
         {forward_all, "PREROUTING " + S + "-j DNAT --to-destination 10.0.0.9"}},
        {"FN + FA + DD", F, FN + FA + DD, forced, {forward_all}},
        {"FN + FS, SN", F + SN, FN + FS, forced, {forward_2222, to_9, snat_9 + "203.0.113.7"}},
        {"FN + FS, no SN: ours adds it",
         F,
         FN + FS,
         forced,
         {forward_2222, to_9, snat_9 + "203.0.113.7"}},
        {"FN + FM, SN", F + SN, FN + FM, forced, {forward_2222, to_9, masquerade_9}},
        {"FN + FM, SN + TR", F + SN + TR, FN + FM, forced, {forward_2222, to_9, masquerade_9}},
        {"FN + FM, no SN: ours adds it", F, FN + FM, forced, {forward_2222, to_9, masquerade_9}},
        {"FN, SN", F + SN, FN, forced, {forward_2222, to_9, masquerade_9}},
        {"FN + FS + FM + TR, SN",
         F + SN + TR,
         FN + FS + FM,
         forced,
         {forward_2222, to_9, snat_9 + "203.0.113.7"}},
        {"FA, plain", F, FA.substr(1), {plain, "tcp/22"}, {input_22}},
        {"FA, NAT",
         F,
         FA.substr(1),
         nat_request,
         {forward_all, "PREROUTING " + S + "-j DNAT --to-destination 10.0.0.5"}},
        {"FA, NAT, SN + DEST",
         F + SN + DEST,
         FA.substr(1),
         nat_request,
         {forward_all, "PREROUTING " + S + D + "-j DNAT --to-destination 10.0.0.5",
          masquerade_all}},
        {"FA + FS + DD, SN",
         F + SN,
         FA.substr(1) + FS + DD,
         forced,
         {forward_all, snat_all + "203.0.113.7"}},
        {"FA + FS, SN: ours has no DNAT to nowhere",
         F + SN,
         FA.substr(1) + FS,
         forced,
         {forward_all, snat_all + "203.0.113.7"}},
        {"FA + FM + DD, SN", F + SN, FA.substr(1) + FM + DD, forced, {forward_all, masquerade_all}},
        {"FA + FM + DD, SN + TR",
         F + SN + TR,
         FA.substr(1) + FM + DD,
         forced,
         {forward_all, snat_all + "203.0.113.5"}},
        {"local",
         L,
         "",
         local_request,
         {input_22, "PREROUTING " + TCP + "--dport 22 -j DNAT --to-destination 127.0.0.1:22"}},
        {"local, another port",
         L,
         "",
         local_port,
         {input_22, "PREROUTING " + TCP + "--dport 8022 -j DNAT --to-destination 127.0.0.1:22"}},
        {"local + SN",
         L + SN,
         "",
         local_port,
         {input_22, "PREROUTING " + TCP + "--dport 8022 -j DNAT --to-destination 127.0.0.1:22",
          "MASQUERADE -p 6 -d 127.0.0.1 --dport 22 -j MASQUERADE --to-ports 8022"}},
        {"local + DEST",
         L + DEST,
         "",
         local_port,
         {"INPUT " + TCP + D + "--dport 22 -j ACCEPT",
          "PREROUTING " + TCP + D + "--dport 8022 -j DNAT --to-destination 127.0.0.1:22"}},
        {"local + FA",
         L,
         FA.substr(1),
         local_port,
         {input_22, "PREROUTING " + S + "-j DNAT --to-destination 127.0.0.1"}},
        {"local + FA + SN",
         L + SN,
         FA.substr(1),
         local_port,
         {input_22, "PREROUTING " + S + "-j DNAT --to-destination 127.0.0.1", masquerade_all}},
        {"local + DD", L, DD.substr(1), local_port, {input_22}},
        {"local, F only", F, "", local_request, {}},
        {"local, to no port: ours refuses",
         L + SN,
         FA.substr(1) + FS,
         local_port,
         {},
         refusal::nat_target_unusable},
        {"host name, off",
         F + "|ENABLE_NAT_DNS N",
         "",
         {nat, "tcp/8022", "localhost,22"},
         {},
         refusal::nat_host_name_disabled},
        {"the outside port is denied",
         F,
         "OPEN_PORTS tcp/22",
         nat_request,
         {},
         refusal::port_denied},
        {"the outside port is open", F, "OPEN_PORTS tcp/8022", nat_request, {forward_22, to_5}},
    };
}

void check(const row& each, const trial& it) {
    INFO(each.name);
    const decision outcome = it.judge(each.asked);
    if (each.expected.empty()) {
        REQUIRE(std::holds_alternative<refused>(outcome));
        CHECK(std::get<refused>(outcome).reason == each.reason);
        return;
    }
    REQUIRE(std::holds_alternative<access_decision>(outcome));
    CHECK(it.rules(std::get<access_decision>(outcome)) == each.expected);
}

} // namespace

TEST_CASE("rules are those that were recorded") {
    for (const row& each : recorded()) check(each, trial{each});
}

TEST_CASE("the types with a timeout are the same") {
    for (row each : recorded()) {
        each.asked.type = with_timeout(each.asked.type, 60);
        check(each, trial{each});
    }
}

TEST_CASE("a host name in a NAT request is for a look-up") {
    const row each{"", F, "", {nat, "tcp/8022", "localhost,22"}, {forward_22, to_5}};
    const trial it{each};
    auto outcome = it.judge(each.asked);
    REQUIRE(std::holds_alternative<access_decision>(outcome));
    auto& granted = std::get<access_decision>(outcome);
    CHECK(granted.nat_host == "localhost");
    granted.nat->inside.address = at("10.0.0.5");
    CHECK(it.rules(granted) == each.expected);
}

TEST_CASE("NAT of IPv6") {
    const std::string six = "-s 2001:db8::7 ";
    const std::vector<row> rows{
        {"NAT",
         F,
         "",
         {nat, "tcp/8022", "fd00::5,22"},
         {"FORWARD -p 6 " + six + "--dport 22 -j ACCEPT",
          "PREROUTING -p 6 " + six + "--dport 8022 -j DNAT --to-destination [fd00::5]:22"}},
        {"SN; the address is of the other family",
         F + SN + TR,
         "",
         {nat, "tcp/8022", "fd00::5,22"},
         {"FORWARD -p 6 " + six + "--dport 22 -j ACCEPT",
          "PREROUTING -p 6 " + six + "--dport 8022 -j DNAT --to-destination [fd00::5]:22",
          "MASQUERADE -p 6 -d fd00::5 --dport 22 -j MASQUERADE --to-ports 8022"}},
        {"FA",
         F,
         FA.substr(1),
         {nat, "tcp/8022", "fd00::5,22"},
         {"FORWARD " + six + "-j ACCEPT",
          "PREROUTING " + six + "-j DNAT --to-destination fd00::5"}},
        {"FS",
         F,
         "FORCE_NAT fd00::9 2222|FORCE_SNAT 2001:db8::1",
         forced,
         {"FORWARD -p 6 " + six + "--dport 2222 -j ACCEPT",
          "PREROUTING -p 6 " + six + "--dport 8022 -j DNAT --to-destination [fd00::9]:2222",
          "POSTROUTING -p 6 -d fd00::9 --dport 2222 -j SNAT --to-source 2001:db8::1"}},
        {"to IPv4", F, "", nat_request, {}, refusal::nat_target_unusable},
        {"to IPv4 by force", F, FN, forced, {}, refusal::nat_target_unusable},
        {"from IPv4 by force", F, FA.substr(1) + FS, forced, {}, refusal::nat_target_unusable},
        {"to nowhere", F, "", {nat, "tcp/8022", "::,22"}, {}, refusal::nat_target_unusable},
    };
    for (const row& each : rows) {
        trial it{each};
        it.client = at("2001:db8::7");
        it.own = at("2001:db8::1");
        check(each, it);
    }
}
