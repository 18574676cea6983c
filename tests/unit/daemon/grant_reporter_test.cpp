// SPDX-License-Identifier: Apache-2.0
#include "client/temporary_folder.hpp"
#include "daemon/grant_reporter.hpp"
#include "daemon/knock.hpp"
#include "daemon/listening_socket.hpp"
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

TEST_CASE("programs are told whose rule it is, and what went wrong") {
    const fwknop::client::test::temporary_folder folder;
    const fwknop::daemon::test::listening_socket listener{folder.file("journal")};
    log::open({.standard_error = false, .journal = folder.file("journal")});
    open_request request = asked;
    request.name = "web";
    request.user = "alice";
    grant_reporter reporter;
    reporter.extended({{rule_role::input, "FWKNOP_INPUT"}, request, {{protocol::udp, 53}}, {}});
    reporter.removed({"FWKNOP_INPUT", 1, {}, grant_key{request.source, {}, {protocol::tcp, 22}}});
    reporter.removed({"FWKNOP_INPUT", 1, {}, std::nullopt});
    reporter.open_failed(request, "iptables: locked");
    reporter.close_failed(2, "iptables: broken", std::chrono::milliseconds{4000});
    log::open({});

    using entry = std::map<std::string, std::string>;
    std::vector<entry> told;
    for (const auto& each : listener.all()) {
        entry& fields = told.emplace_back();
        for (const auto& [name, value] : fwknop::daemon::test::fields_in(each)) {
            if (name.starts_with("SPA_")) fields[name] = value;
        }
    }
    CHECK(told ==
          std::vector<entry>{
              {{"SPA_EVENT", "grant"},
               {"SPA_SOURCE", "203.0.113.9"},
               {"SPA_STANZA", "3"},
               {"SPA_NAME", "web"},
               {"SPA_USER", "alice"},
               {"SPA_ACCESS", "udp/53"}},
              {{"SPA_EVENT", "expire"}, {"SPA_SOURCE", "203.0.113.9"}, {"SPA_ACCESS", "tcp/22"}},
              {{"SPA_EVENT", "expire"}},
              {{"SPA_EVENT", "error"},
               {"SPA_SOURCE", "203.0.113.9"},
               {"SPA_STANZA", "3"},
               {"SPA_NAME", "web"},
               {"SPA_USER", "alice"},
               {"SPA_ACCESS", "tcp/22,udp/53"},
               {"SPA_REASON", "iptables: locked"}},
              {{"SPA_EVENT", "error"}, {"SPA_REASON", "iptables: broken"}}});
}

TEST_CASE("a packet filter's own words are used, in as many lines as it likes") {
    struct other_words final : grant_wording {
        [[nodiscard]] std::vector<worded_line> added(const opened_event& event) const override {
            std::vector<worded_line> told;
            for (const service& door : event.services) told.push_back({to_string(door), {door}});
            return told;
        }
        [[nodiscard]] std::vector<worded_line>
        removed(const removed_event& /*event*/) const override {
            return {};
        }
    };
    log_lines log;
    const other_words words;
    int changes = 0;
    grant_reporter reporter{[&changes] { ++changes; }};
    reporter.use(words);
    reporter.added({{rule_role::input, "CHAIN"}, asked, asked.services, {}});
    CHECK(log.take() == lines{"tcp/22", "udp/53"});
    reporter.removed({"CHAIN", 1, {}, std::nullopt});
    CHECK(log.take().empty());
    CHECK(changes == 2); // whoever counts hears of it all the same
    reporter.late_work_done("Purged rule 1 from set 2");
    reporter.late_work_failed("ipfw: locked");
    CHECK(log.take() ==
          lines{"Purged rule 1 from set 2",
                "Could not clear away expired rules, trying again later: ipfw: locked"});
}

TEST_CASE("who counts open grants hears when there may be more or fewer") {
    const log_lines log;
    int changes = 0;
    grant_reporter reporter{[&changes] { ++changes; }};
    reporter.added({{rule_role::input, "FWKNOP_INPUT"}, asked, asked.services, {}});
    CHECK(changes == 1);
    reporter.removed({"FWKNOP_INPUT", 1, {}, std::nullopt});
    CHECK(changes == 2);
    reporter.extended({{rule_role::input, "FWKNOP_INPUT"}, asked, asked.services, {}});
    CHECK(changes == 2);
}
