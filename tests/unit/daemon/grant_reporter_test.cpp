// SPDX-License-Identifier: Apache-2.0
#include "daemon/grant_reporter.hpp"
#include "daemon/knock.hpp"
#include "daemon/log_lines.hpp"

#include <catch2/catch.hpp>

using namespace fwknop;
using namespace fwknop::daemon;
using namespace fwknop::test;
using fwknop::daemon::test::lines;
using fwknop::daemon::test::log_lines;

namespace {

const open_request asked{.source = at("203.0.113.9"),
                         .destination = {},
                         .services = {{protocol::tcp, 22}, {protocol::udp, 53}},
                         .timeout = std::chrono::seconds{30},
                         .token = 3};

} // namespace

TEST_CASE("what became of a grant is told in the words that filters know") {
    log_lines log;
    grant_reporter reporter;
    const opened_event opened{
        {rule_role::input, "FWKNOP_INPUT"}, asked, asked.services, from_seconds(noon + 30)};
    reporter.added(opened);
    CHECK(log.take() == lines{"Added access rule to FWKNOP_INPUT for 203.0.113.9 -> 0.0.0.0/0 "
                              "tcp/22,udp/53, expires at 1700000030"});
    reporter.extended(opened);
    CHECK(log.take() == lines{"Extended access rule in FWKNOP_INPUT for 203.0.113.9 -> 0.0.0.0/0 "
                              "tcp/22,udp/53, expires at 1700000030"});
    reporter.removed({"FWKNOP_INPUT", 2, from_seconds(noon + 30), std::nullopt});
    CHECK(log.take() == lines{"Removed rule 2 from FWKNOP_INPUT with expire time of 1700000030"});
}

TEST_CASE("of a request only the doors that the event is about are told") {
    log_lines log;
    open_request request = asked;
    request.destination = at("198.51.100.9");
    grant_reporter{}.added(
        {{rule_role::output, "FWKNOP_OUTPUT"}, request, {{protocol::udp, 53}}, from_seconds(5)});
    CHECK(log.take() == lines{"Added OUTPUT rule to FWKNOP_OUTPUT for 203.0.113.9 -> 198.51.100.9 "
                              "udp/53, expires at 5"});
}

TEST_CASE("each rule of a grant with NAT has its name") {
    log_lines log;
    open_request request = asked;
    request.destination = at("198.51.100.9");
    request.nat.emplace();
    request.nat->inside = {at("10.0.0.5"), 22};
    const auto line = [&](rule_role role) {
        grant_reporter{}.added({{role, "CHAIN"}, request, request.services, from_seconds(5)});
        const auto told = log.take();
        REQUIRE(told.size() == 1);
        return told[0];
    };
    const std::string tail = " tcp/22,udp/53, expires at 5";
    CHECK(line(rule_role::forward) ==
          "Added FORWARD rule to CHAIN for 203.0.113.9 -> 0.0.0.0/0" + tail);
    CHECK(line(rule_role::dnat) ==
          "Added DNAT rule to CHAIN for 203.0.113.9 -> 198.51.100.9" + tail);
    CHECK(line(rule_role::snat) == "Added SNAT rule to CHAIN for 203.0.113.9 -> 0.0.0.0/0" + tail);
    CHECK(line(rule_role::masquerade) ==
          "Added SNAT rule to CHAIN for 203.0.113.9 -> 0.0.0.0/0" + tail);
    request.nat->local = true;
    CHECK(line(rule_role::input) ==
          "Added local NAT rule to CHAIN for 203.0.113.9 -> 198.51.100.9" + tail);
    request.nat->all_ports = true;
    CHECK(line(rule_role::input) ==
          "Added local NAT rule to CHAIN for 203.0.113.9 -> 198.51.100.9" + tail);
    const std::string all = " rule to CHAIN for 203.0.113.9 -> 0.0.0.0/0 */*, expires at 5";
    CHECK(line(rule_role::forward) == "Added FORWARD ALL" + all);
    CHECK(line(rule_role::dnat) == "Added DNAT ALL" + all);
    CHECK(line(rule_role::snat) == "Added SNAT ALL" + all);
    CHECK(line(rule_role::masquerade) == "Added SNAT ALL" + all);
}

TEST_CASE("what went wrong names whom it hit and the program's own words") {
    log_lines log;
    grant_reporter reporter;
    reporter.open_failed(asked, "iptables: Permission denied");
    CHECK(log.take() == lines{"[203.0.113.9] (stanza #3) Could not open the firewall: iptables: "
                              "Permission denied"});
    reporter.close_failed(2, "iptables: locked", std::chrono::milliseconds{4000});
    CHECK(log.take() ==
          lines{"Could not remove 2 expired rules, trying again in 4000 ms: iptables: locked"});
}

TEST_CASE("what somebody had taken away is told when it is there again") {
    log_lines log;
    grant_reporter reporter;
    reporter.jump_added({"INPUT", "FWKNOP_INPUT"});
    reporter.repaired("Chain FWKNOP_INPUT was gone");
    CHECK(log.take() == lines{"Added jump rule from chain: INPUT to chain: FWKNOP_INPUT",
                              "Chain FWKNOP_INPUT was gone"});
}
