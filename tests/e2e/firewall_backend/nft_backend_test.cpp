// SPDX-License-Identifier: Apache-2.0
#include "real_nft.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
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

ip_address address(std::string_view text) {
    return ip_address::parse(text).value();
}

} // namespace

TEST_CASE("nftables: grants open, extend and end, in both families") {
    real_nft host;
    const auto started = host.start();
    REQUIRE(started.error == "");
    CHECK(started.notices.empty());
    CHECK(host.elements("grant4").empty());
    CHECK(host.elements("protected") == "{ tcp . 22 }");

    host.open("192.0.2.7", 22, 2);
    host.open("2001:db8::7", 22, 2);
    host.run();
    CAPTURE(host.log.lines);
    CHECK(host.elements("grant4").starts_with("{ 192.0.2.7 . tcp . 22 timeout "));
    CHECK(host.elements("grant6").starts_with("{ 2001:db8::7 . tcp . 22 timeout "));
    CHECK(host.log.has("Added access rule to grant4 for 192.0.2.7 -> 0.0.0.0/0 tcp/22"));
    CHECK(host.log.has("Added access rule to grant6 for 2001:db8::7 -> "));
    CHECK(host.log.lines.size() == 2);

    host.run(1100ms);
    host.open("192.0.2.7", 22, 2);
    host.run();
    CHECK(host.log.has("Extended access rule in grant4 for 192.0.2.7 -> 0.0.0.0/0 tcp/22"));
    CHECK(host.count("192.0.2.7") == 1);

    host.run(1000ms); // the IPv6 grant ends here, the extended one later
    CHECK(host.elements("grant6").empty());
    CHECK(host.count("192.0.2.7") == 1);
    host.run(1200ms);
    CHECK(host.elements("grant4").empty());
    CHECK(host.log.has("Removed rule 1 from grant4 with expire time of "));
    CHECK(host.log.has("Removed rule 1 from grant6 with expire time of "));
    CHECK(host.log.lines.size() == 5);
}

TEST_CASE("nftables: the kernel closes what a dead daemon left open") {
    real_nft host;
    REQUIRE(host.start().error == "");
    host.open("192.0.2.7", 22, 1);
    host.open("192.0.2.8", 22, 100);
    host.run();
    host.crash();
    CHECK(host.count("192.0.2.7") == 1);
    ::usleep(2'200'000);
    CHECK(host.count("192.0.2.7") == 0);
    CHECK(host.count("192.0.2.8") == 1);
    CHECK(host.elements("protected") == "{ tcp . 22 }");

    SECTION("a start without flush takes over what is still open, and its end") {
        host.options.flush_at_init = false;
        const auto started = host.start();
        REQUIRE(started.error == "");
        REQUIRE(started.adopted.size() == 1);
        CHECK(started.adopted[0].key ==
              grant_key{address("192.0.2.8"), std::nullopt, {protocol::tcp, 22}});
        const auto left = started.adopted[0].expires - read_clocks().wall;
        CHECK((left > 90s && left < 99s));
        host.open("192.0.2.8", 22, 200);
        host.run();
        CHECK(host.log.has("Extended access rule in grant4 for 192.0.2.8"));
        CHECK(host.count("192.0.2.8") == 1);
    }
    SECTION("a start with flush begins empty") {
        REQUIRE(host.start().error == "");
        CHECK(host.count("192.0.2.8") == 0);
    }
}

TEST_CASE("nftables: protection and grants are back at once when somebody removes them") {
    real_nft host;
    REQUIRE(host.start().error == "");
    host.open("192.0.2.7", 22, 100);
    host.open("2001:db8::7", 22, 100);
    host.run();
    const std::string before = host.nft("list chain inet fwknop input");
    host.log.lines.clear();

    SECTION("the whole ruleset") {
        host.nft("flush ruleset");
        host.run(100ms);
        CHECK(host.log.has("table inet fwknop was missing and is made again"));
        CHECK(host.log.has("2 grants are written again to table inet fwknop"));
    }
    SECTION("the table") {
        host.nft("delete table inet fwknop");
        host.run(100ms);
        CHECK(host.log.has("table inet fwknop was missing and is made again"));
    }
    SECTION("the rules") {
        host.nft("flush chain inet fwknop input");
        host.run(100ms);
        CHECK(host.log.has("table inet fwknop had lost rules, which are written again"));
    }
    SECTION("the chain") {
        host.nft("flush chain inet fwknop input");
        host.nft("delete chain inet fwknop input");
        host.run(100ms);
        CHECK(host.log.has("table inet fwknop had lost input, which is made again"));
    }
    SECTION("unnoticed, by the next knock") {
        host.filter->stop_watching();
        host.nft("delete table inet fwknop");
        host.open("192.0.2.9", 22, 100);
        host.run(100ms);
        CHECK(host.log.has("table inet fwknop was missing and is made again"));
        CHECK(host.log.has("Added access rule to grant4 for 192.0.2.9"));
        CHECK(host.count("192.0.2.9") == 1);
    }
    CAPTURE(host.log.lines);
    CHECK(host.nft("list chain inet fwknop input") == before);
    CHECK(host.count("192.0.2.7") == 1);
    CHECK(host.count("2001:db8::7") == 1);
    for (const auto& line : host.log.lines) CHECK(line.find("failed") == line.npos);
}

TEST_CASE("nftables: what an administrator closes by hand stays closed until the next knock") {
    real_nft host;
    REQUIRE(host.start().error == "");
    host.open("192.0.2.7", 22, 2);
    host.open("192.0.2.8", 22, 100);
    host.run();
    host.nft("flush set inet fwknop grant4");
    host.run(100ms);
    CHECK(host.elements("grant4").empty());
    host.open("192.0.2.8", 22, 200);
    host.run(2200ms); // the other ends meanwhile, which is no failure
    CAPTURE(host.log.lines);
    CHECK(host.elements("grant4").starts_with("{ 192.0.2.8 "));
    for (const auto& line : host.log.lines) CHECK(line.find("failed") == line.npos);
}

TEST_CASE("nftables: our own changes and those of other tables make nothing be looked at") {
    real_nft host;
    REQUIRE(host.start().error == "");
    int calls = 0;
    host.filter->watch([&calls] { ++calls; });
    host.open("192.0.2.7", 22, 100);
    host.open("192.0.2.7", 23, 1);
    host.run(1200ms);
    host.nft("add table inet other\nadd chain inet other input\nadd rule inet other input accept");
    host.run();
    CHECK(calls == 0);
    host.nft("add rule inet fwknop input accept");
    host.run();
    CHECK(calls == 1);
}

TEST_CASE("nftables: networks, one destination and their sets are there when they are needed") {
    real_nft host;
    REQUIRE(host.start().error == "");
    const auto open = [&](const network& source, std::optional<ip_address> destination) {
        host.open(
            open_request{source, destination, {{protocol::udp, 53}, {protocol::tcp, 22}}, 100s, 0});
        host.run();
    };
    open(network{address("192.0.2.0"), 24}, std::nullopt);
    open(network{address("192.0.2.64"), 26}, std::nullopt); // inside the other
    open(network{address("2001:db8::"), 56}, std::nullopt);
    open(address("192.0.2.7"), address("203.0.113.1"));
    open(network{address("2001:db8::"), 64}, address("2001:db8::1"));
    CAPTURE(host.log.lines, host.nft("list ruleset"));
    for (const auto& line : host.log.lines) CHECK(line.find("failed") == line.npos);
    CHECK(host.count("ip saddr & 255.255.255.0 . meta l4proto . th dport @grant4_24 accept") == 1);
    CHECK(host.count("192.0.2.64 . tcp . 22 ") == 1);
    CHECK(host.count("192.0.2.0 . udp . 53 ") == 1);
    CHECK(host.count("192.0.2.7 . 203.0.113.1 . udp . 53 ") == 1);
    CHECK(host.count("2001:db8:: . 2001:db8::1 . tcp . 22 ") == 1);

    SECTION("restored with all the others") {
        host.nft("flush ruleset");
        host.run(100ms);
    }
    SECTION("taken over after a crash") {
        host.options.flush_at_init = false;
        CHECK(host.start().adopted.size() == 10);
    }
    CHECK(host.count("192.0.2.7 . 203.0.113.1 . udp . 53 ") == 1);
    CHECK(host.count("2001:db8:: . 2001:db8::1 . tcp . 22 ") == 1);
    CHECK(host.keeper->grants().size() == 10);
}

TEST_CASE("nftables: stop leaves what is not ours") {
    real_nft host;
    host.nft(
        "add table inet theirs\nadd chain inet theirs input\nadd rule inet theirs input accept");
    const std::string before = host.nft("list ruleset");

    SECTION("a table of our own") {
        REQUIRE(host.start().error == "");
        host.open("192.0.2.7", 22, 100);
        host.run();
        CHECK(host.stop().error == "");
        CHECK(host.nft("list ruleset") == before);
    }
    SECTION("FLUSH_IPT_AT_EXIT N") {
        host.options.flush_at_exit = false;
        REQUIRE(host.start().error == "");
        host.open("192.0.2.7", 22, 100);
        host.run();
        CHECK(host.stop().error == "");
        CHECK(host.count("192.0.2.7") == 1);
        CHECK(host.count("@protected drop") == 1);
    }
    SECTION("a chain of somebody else in our table") {
        REQUIRE(host.start().error == "");
        host.nft("add chain inet fwknop guests\n"
                 "add rule inet fwknop guests ip saddr . meta l4proto . th dport @grant4 accept");
        host.open("192.0.2.7", 22, 100);
        host.run();
        CHECK(host.stop().error == "");
        CHECK(host.count("@grant4 accept") == 1);
        CHECK(host.count("@protected") == 0);
        CHECK(host.count("192.0.2.7") == 0);
    }
    SECTION("two daemons") {
        REQUIRE(host.start().error == "");
        host.open("192.0.2.7", 22, 100);
        host.run();
        host.crash();
        host.options.layout.table = "second";
        REQUIRE(host.start().error == "");
        host.open("192.0.2.8", 22, 100);
        host.run();
        CHECK(host.count("192.0.2.7") == 1);
        CHECK(host.stop().error == "");
        CHECK(host.count("192.0.2.7") == 1);
        CHECK(host.count("192.0.2.8") == 0);
    }
}

TEST_CASE("nftables: mode sets makes sets alone, and never takes them away") {
    real_nft host;
    host.options.layout.mode = nft_mode::sets;
    host.options.layout.protect.clear();
    host.options.layout.table = "filter";
    host.nft(
        "add table inet filter\n"
        "add set inet filter grant4 { type ipv4_addr . inet_proto . inet_service; flags timeout; "
        "}\n"
        "add chain inet filter input { type filter hook input priority filter; policy drop; }\n"
        "add rule inet filter input ip saddr . meta l4proto . th dport @grant4 accept");
    const std::string before = host.nft("list table inet filter");
    REQUIRE(host.start().error == "");
    host.open("192.0.2.7", 22, 100);
    host.run();
    CHECK(host.count("192.0.2.7") == 1);
    CHECK(host.count("chain ") == 1);
    CHECK(host.stop().error == "");
    CHECK(host.count("192.0.2.7") == 0);
    CHECK(host.count("@grant4 accept") == 1);
    CHECK(host.count("policy drop") == 1);
}

TEST_CASE("nftables: a grant with NAT lives and ends in all its sets") {
    real_nft host;
    host.options.layout.nat = host.options.layout.source_nat = true;
    REQUIRE(host.start().error == "");
    const bool six = GENERATE(false, true);
    const bool all = GENERATE(false, true);
    const auto source = GENERATE(source_translation::none, source_translation::address,
                                 source_translation::masquerade);
    const auto open = [&](int seconds, std::uint16_t inside = 22) {
        open_request request{address(six ? "2001:db8::7" : "192.0.2.7"),
                             std::nullopt,
                             {{protocol::tcp, 8022}},
                             std::chrono::seconds{seconds},
                             0};
        request.nat.emplace();
        request.nat->inside = {address(six ? "fd00::5" : "10.0.0.5"), inside};
        request.nat->all_ports = all;
        request.nat->translate_source = source;
        request.nat->source_address = address(six ? "2001:db8::1" : "203.0.113.5");
        host.open(std::move(request));
        host.run();
    };
    const int sets = source == source_translation::none ? 2 : 3;
    const std::string client = six ? "2001:db8::7" : "192.0.2.7";
    open(100);
    open(200); // extended
    CAPTURE(host.log.lines, host.nft("list ruleset"));
    CHECK(host.count(client) == sets);
    if (!all) {
        open(1, 23); // the same door to another port inside: the later knock has its way
        CHECK(host.count(six ? ": fd00::5 . 23" : ": 10.0.0.5 . 23") == 1);
        host.run(1200ms);
        CHECK(host.count(six ? ": fd00::5 . 22" : ": 10.0.0.5 . 22") == 1);
    }
    host.nft("flush ruleset");
    host.run_until([&] { return host.count(client) == sets; });
    for (const auto& line : host.log.lines) CHECK(line.find("failed") == line.npos);
    CHECK(host.stop().error == "");
    CHECK(host.nft("list ruleset") == "");
}

TEST_CASE("nftables: a set that somebody made differently is an error, and the others work") {
    real_nft host;
    host.nft("add table inet fwknop\nadd set inet fwknop grant4 { type ipv4_addr; }");
    const auto started = host.start();
    CHECK(started.error.find("/usr/sbin/nft") != std::string::npos);
    CHECK(started.error.find("grant4") != std::string::npos);
}

TEST_CASE("nftables: 10,000 grants, burst, and what one costs") {
    real_nft host;
    REQUIRE(host.start().error == "");
    // Ports of their own each time: a second knock within a second changes nothing.
    const auto one_by_one = [&](std::string_view what, std::uint16_t first) {
        std::vector<double> times;
        const auto cpu = std::clock();
        for (std::uint16_t i = 0; i < 40; ++i) {
            const std::size_t lines = host.log.lines.size();
            const auto asked = std::chrono::steady_clock::now();
            host.open("192.0.2.7", static_cast<std::uint16_t>(first + i), 600);
            host.run_until([&] { return host.log.lines.size() > lines; });
            times.push_back(milliseconds_since(asked));
        }
        const double spent = 1000.0 * static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC / 40;
        std::ranges::sort(times);
        WARN(what << ": median " << times[20] << " ms, CPU " << spent << " ms");
    };
    one_by_one("one grant, empty set", 1000);

    const auto burst = [&](int count, int second) {
        host.log.lines.clear();
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < count; ++i)
            host.open("10." + std::to_string(second) + "." + std::to_string(i / 250) + "." +
                          std::to_string(i % 250),
                      22, 600);
        host.run_until([&] { return host.log.lines.size() >= static_cast<std::size_t>(count); });
        const double took = milliseconds_since(begin);
        WARN(count << " grants at once: " << took << " ms, " << 1000 * count / took
                   << " per second");
    };
    burst(500, 1);
    burst(10000, 2);
    CHECK(host.count(" . tcp . 22 timeout") == 10500);
    one_by_one("one grant beside 10,500", 2000);

    const auto begin = std::chrono::steady_clock::now();
    host.log.lines.clear();
    host.nft("flush ruleset");
    host.run_until([&] { return host.log.has("10580 grants are written again to "); });
    WARN("everything restored " << milliseconds_since(begin) << " ms after nft began to flush");
    CHECK(host.count(" . tcp . 22 timeout") == 10500);
}
