// SPDX-License-Identifier: Apache-2.0
#include "real_iptables.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <unistd.h>

using namespace fwknop;
using namespace fwknop::test;
using namespace std::chrono_literals;

namespace {

double milliseconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
        .count();
}

std::string variant() {
    return GENERATE("iptables-nft", "iptables-legacy");
}

constexpr auto input_jump = "-A INPUT -j FWKNOP_INPUT";

} // namespace

TEST_CASE("grants open, extend to one rule and end, in both families") {
    real_iptables host{variant()};
    const auto started = host.start();
    REQUIRE(started.error.empty());
    CHECK(started.notices.empty());
    CHECK(started.jumps == std::vector<added_jump>{{"INPUT", "FWKNOP_INPUT"}});
    for (const bool six : {false, true})
        CHECK(host.saved(six) == std::vector<std::string>{":FWKNOP_INPUT -", input_jump});

    host.open("192.0.2.7", 22, 2);
    host.open("2001:db8::7", 22, 2);
    host.run();
    CHECK(host.count("-A FWKNOP_INPUT -s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment "
                     "--comment _exp_") == 1);
    CHECK(host.count("-A FWKNOP_INPUT -s 2001:db8::7/128 -p tcp -m tcp --dport 22 -m comment "
                     "--comment _exp_",
                     true) == 1);
    CHECK(host.log.lines.size() == 2);

    host.run(1100ms);
    host.open("192.0.2.7", 22, 2);
    host.run();
    CHECK(host.count("--dport 22") == 1);
    CHECK(host.log.has("Extended access rule in FWKNOP_INPUT for 192.0.2.7 -> 0.0.0.0/0 tcp/22"));

    host.run(1000ms); // the IPv6 grant ends here, the extended one later
    CHECK(host.count("--dport 22", true) == 0);
    CHECK(host.count("--dport 22") == 1);
    host.run(1200ms);
    CHECK(host.count("--dport 22") == 0);
    CHECK(host.log.has("Removed rule 1 from FWKNOP_INPUT with expire time of "));
    CHECK_FALSE(host.log.has("open failed"));
    CHECK_FALSE(host.log.has("close failed"));
}

TEST_CASE("the mirror in the output chain, at the head, in another table") {
    real_iptables host{variant()};
    host.options.layout.prepend = true;
    host.options.layout.output = {"ACCEPT", "mangle", "OUTPUT", 1, "FWKNOP_OUTPUT", 1};
    REQUIRE(host.start().error.empty());
    host.iptables("-A FWKNOP_INPUT -i lo -j RETURN");
    host.open("192.0.2.7", 22, 1);
    host.run();
    const auto rules = host.saved();
    REQUIRE(rules.size() == 4);
    CHECK(rules[2].find("--dport 22") != std::string::npos);
    CHECK(rules[3] == "-A FWKNOP_INPUT -i lo -j RETURN");
    host.iptables("-t mangle -D OUTPUT -j FWKNOP_OUTPUT");
    host.run(1200ms);
    const std::string added_jump = "Added jump rule from chain: OUTPUT to chain: FWKNOP_OUTPUT";
    CHECK_FALSE(host.log.has(added_jump)); // an expiry brings nothing back
    CHECK(host.saved().size() == 3);
    host.open("192.0.2.7", 22, 30);
    host.run();
    CHECK(host.log.has(added_jump)); // a knock does, in the second table alone
    host.iptables("-t mangle -C OUTPUT -j FWKNOP_OUTPUT");
    CHECK(host.stop().error.empty());
    CHECK(host.saved().empty());
}

TEST_CASE("rules of others survive everything, and stop leaves just them") {
    real_iptables host{variant()};
    for (const bool six : {false, true}) {
        host.iptables("-N THEIRS", six);
        host.iptables("-A INPUT -i lo -j ACCEPT", six);
        host.iptables("-A INPUT -m comment --comment 'a \"word\" of _exp_5' -j THEIRS", six);
        host.iptables("-A FORWARD -j THEIRS", six);
    }
    const auto before = host.saved();
    const auto before6 = host.saved(true);

    REQUIRE(host.start().error.empty());
    host.iptables("-A FWKNOP_INPUT -i lo -j RETURN");
    host.open("192.0.2.7", 22, 1);
    host.open("192.0.2.8", 22, 100);
    host.run(1300ms);
    CHECK(host.count("--dport 22") == 1);
    CHECK(host.count("-A FWKNOP_INPUT -i lo -j RETURN") == 1);

    CHECK(host.stop().error.empty());
    CHECK(host.saved() == before);
    CHECK(host.saved(true) == before6);
}

TEST_CASE("a chain, a jump or a rule that somebody deleted is restored by the next open") {
    real_iptables host{variant()};
    REQUIRE(host.start().error.empty());
    host.open("192.0.2.7", 22, 100);
    host.run();

    SECTION("the chain, and so the jump") {
        host.iptables("-D INPUT -j FWKNOP_INPUT");
        host.iptables("-F FWKNOP_INPUT");
        host.iptables("-X FWKNOP_INPUT");
        host.open("192.0.2.7", 23, 100);
        host.run();
        CHECK(host.log.has("chain FWKNOP_INPUT was missing and is made again"));
        CHECK(host.log.has("Added jump rule from chain: INPUT to chain: FWKNOP_INPUT"));
        CHECK(host.log.has("1 missing rule is written again to FWKNOP_INPUT"));
    }
    SECTION("the jump") {
        host.iptables("-D INPUT -j FWKNOP_INPUT");
        host.open("192.0.2.7", 23, 100);
        host.run();
        CHECK(host.log.has("Added jump rule from chain: INPUT to chain: FWKNOP_INPUT"));
    }
    SECTION("all rules of the table") {
        host.iptables("-F");
        host.open("192.0.2.7", 23, 100);
        host.run();
    }
    SECTION("the rule that is extended") {
        host.iptables("-F FWKNOP_INPUT");
        host.open("192.0.2.7", 23, 100);
        host.open("192.0.2.7", 22, 200);
        host.run();
    }
    CHECK(host.count(input_jump) == 1);
    CHECK(host.count("--dport 22") == 1);
    CHECK(host.count("--dport 23") == 1);
    CHECK_FALSE(host.log.has("open failed"));
}

TEST_CASE("a rule that is gone already can end all the same") {
    real_iptables host{variant()};
    REQUIRE(host.start().error.empty());
    host.open("192.0.2.7", 22, 1);
    host.open("192.0.2.8", 22, 1);
    host.run();
    host.iptables("-D FWKNOP_INPUT 1");
    host.run(1200ms);
    CHECK(host.count("--dport 22") == 0);
    CHECK_FALSE(host.log.has("close failed"));
}

TEST_CASE("after a crash") {
    real_iptables host{variant()};
    REQUIRE(host.start().error.empty());
    host.open("192.0.2.7", 22, 1);
    host.open("192.0.2.7", 23, 3);
    host.open("2001:db8::7", 23, 3);
    host.run();
    const auto soon = to_seconds(read_clocks().wall) + 3;
    host.iptables("-A FWKNOP_INPUT -i lo -m comment --comment 'tool _exp_" + std::to_string(soon) +
                  " x' -j RETURN");
    host.crash();

    SECTION("a start without flush adopts what is valid and removes what is not") {
        std::string gone = "-A FWKNOP_INPUT -i lo -m comment --comment _exp_77 -j RETURN";
        host.iptables(gone);
        ::usleep(1'100'000);
        host.options.flush_at_init = false;
        const auto started = host.start();
        REQUIRE(started.error.empty());
        CHECK(started.jumps.empty());
        CHECK(host.keeper->grants().size() == 2);
        CHECK(host.count("--dport 22") == 0);
        CHECK(host.count("_exp_77") == 0);
        CHECK(host.count("--dport 23") == 1);
        CHECK(host.count(input_jump) == 1);
        host.open("192.0.2.7", 23, 4); // known: extended, not doubled
        host.run();
        CHECK(host.count("--dport 23") == 1);
        host.run(2700ms);
        CHECK(host.count("tool _exp_") == 0);
        CHECK(host.count("--dport 23", true) == 0);
        host.run(1500ms);
        CHECK(host.count("_exp_") == 0);
    }
    SECTION("a start with flush begins empty") {
        REQUIRE(host.start().error.empty());
        CHECK(host.saved() == std::vector<std::string>{":FWKNOP_INPUT -", input_jump});
        CHECK(host.saved(true) == std::vector<std::string>{":FWKNOP_INPUT -", input_jump});
    }
}

TEST_CASE("FLUSH_IPT_AT_EXIT N leaves chains and rules, --fw-flush takes them") {
    real_iptables host{variant()};
    host.options.flush_at_exit = false;
    REQUIRE(host.start().error.empty());
    host.open("192.0.2.7", 22, 100);
    host.run();
    CHECK(host.stop().error.empty());
    CHECK(host.count("--dport 22") == 1);
    host.options.flush_at_exit = true;
    host.options.flush_at_init = false;
    REQUIRE(host.start().error.empty());
    CHECK(host.stop().error.empty());
    CHECK(host.saved().empty());
}

TEST_CASE("a jump of somebody else into our chain does not stop the tear-down") {
    real_iptables host{variant()};
    REQUIRE(host.start().error.empty());
    host.iptables("-A INPUT -i lo -j FWKNOP_INPUT");
    host.open("192.0.2.7", 22, 100);
    host.run();
    CHECK(host.stop().error.empty());
    CHECK(host.saved() ==
          std::vector<std::string>{":FWKNOP_INPUT -", "-A INPUT -i lo -j FWKNOP_INPUT"});
}

TEST_CASE("a target that does not exist is an error in the program's own words") {
    real_iptables host{variant()};
    host.options.layout.input.target = "NO_SUCH_TARGET";
    REQUIRE(host.start().error.empty());
    host.open("192.0.2.7", 22, 100);
    host.run();
    CHECK(host.log.has("open failed: /usr/sbin/iptables-"));
    CHECK(host.log.lines.at(0).find("NO_SUCH_TARGET") != std::string::npos);
    CHECK(host.keeper->grants().empty());
}

TEST_CASE("a grant with NAT lives and ends in all its chains") {
    real_iptables host{variant()};
    host.options.layout.forward = {"ACCEPT", "filter", "FORWARD", 1, "FWKNOP_FORWARD", 1};
    host.options.layout.dnat = {"DNAT", "nat", "PREROUTING", 1, "FWKNOP_PREROUTING", 1};
    host.options.layout.snat = {"SNAT", "nat", "POSTROUTING", 1, "FWKNOP_POSTROUTING", 1};
    host.options.layout.masquerade = {"MASQUERADE",        "nat", "POSTROUTING", 1,
                                      "FWKNOP_MASQUERADE", 1};
    REQUIRE(host.start().error.empty());
    const bool six = GENERATE(false, true);
    const bool all = GENERATE(false, true);
    const auto source = GENERATE(source_translation::none, source_translation::address,
                                 source_translation::masquerade);
    const auto address_of = [&](std::string_view v4, std::string_view v6) {
        return ip_address::parse(six ? v6 : v4).value();
    };
    const auto open = [&](int seconds) {
        open_request request{address_of("192.0.2.7", "2001:db8::7"),
                             std::nullopt,
                             {{protocol::tcp, 8022}},
                             std::chrono::seconds{seconds},
                             0};
        request.nat.emplace();
        request.nat->inside = {address_of("10.0.0.5", "fd00::5"), 22};
        request.nat->all_ports = all;
        request.nat->translate_source = source;
        request.nat->source_address = address_of("203.0.113.5", "2001:db8::1");
        host.keeper->open(std::move(request));
        do host.run(5ms);
        while (host.keeper->busy());
    };
    const int rules = source == source_translation::none ? 1 : 2;
    const auto holds = [&](int times) {
        CHECK(host.count("_exp_", six) == times);
        CHECK(host.count("_exp_", six, "nat") == times * rules);
        CHECK(host.count("-A", !six, "nat") == 3); // the jumps
    };
    open(100);
    holds(1);
    open(200); // extended
    holds(1);

    // After a crash it is taken over as one grant, and still extended.
    host.crash();
    host.options.flush_at_init = false;
    const auto started = host.start();
    REQUIRE(started.error.empty());
    CHECK(started.adopted.size() == 1);
    CHECK(started.tagged.empty());
    open(300);
    holds(1);
    CHECK(host.keeper->grants().size() == 1);

    host.iptables("-t nat -F", six); // the next open restores it
    open(400);
    holds(1);
    for (const auto& line : host.log.lines) CHECK(line.find("failed") == line.npos);
    CHECK(host.stop().error.empty());
    for (const bool family : {false, true}) {
        CHECK(host.saved(family).empty());
        CHECK(host.saved(family, "nat").empty());
    }
}

TEST_CASE("five hundred knocks at once, and one at a time") {
    real_iptables host{variant()};
    REQUIRE(host.start().error.empty());
    std::vector<double> times;
    for (std::uint16_t port = 1000; port < 1020; ++port) {
        const std::size_t lines = host.log.lines.size();
        const auto asked = std::chrono::steady_clock::now();
        host.open("192.0.2.7", port, 100);
        while (host.log.lines.size() == lines) host.run(1ms);
        times.push_back(milliseconds_since(asked));
    }
    std::ranges::sort(times);
    WARN("one grant: median " << times[10] << " ms");

    host.log.lines.clear();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 500; ++i)
        host.open("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250), 22, 100);
    while (host.log.lines.size() < 500) host.run(1ms);
    const double took = milliseconds_since(begin);
    CHECK(host.count("--dport 22") == 500);
    WARN("500 grants: " << took << " ms");
}
