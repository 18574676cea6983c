// SPDX-License-Identifier: Apache-2.0
#include "real_nft.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <string_view>

using namespace fwknop;
using namespace fwknop::test;
using namespace std::chrono_literals;

namespace {

ip_address address(std::string_view text) {
    return ip_address::parse(text).value();
}

} // namespace

TEST_CASE("nftables: mode chain opens through a jump in somebody's base chain") {
    real_nft host;
    nft_layout& layout = host.options.layout;
    layout.mode = nft_mode::chain;
    layout.protect.clear();
    layout.table = "filter";
    layout.prefix = "fwknop_";
    layout.base_chain = "input";
    const auto theirs = [&](const std::string& family) {
        layout.family = family == "ip" ? nft_family::ip : nft_family::inet;
        const std::string table = family + " filter";
        host.nft("add table " + table + "\nadd chain " + table +
                 " input { type filter hook input priority filter; policy drop; }\nadd rule " +
                 table + " input ct state established accept\nadd chain " + table +
                 " forward { type filter hook forward priority filter; }\nadd rule " + table +
                 " forward tcp dport 99 drop\nadd set " + table +
                 " grant4 { type ipv4_addr; elements = { 203.0.113.9 }; }");
        return host.nft("list table " + table);
    };
    const std::string jump = "jump fwknop_input comment \"fwknopd: fwknop_input\"";
    const auto first_rule = [&] {
        const std::string text = host.nft("list chain inet filter input");
        const auto end_of_policy = text.find('\n', text.find("policy")) + 1;
        const auto rule = text.find_first_not_of("\t ", end_of_policy);
        return text.substr(rule, text.find('\n', rule) - rule);
    };

    SECTION("which must be there") {
        CHECK(host.start().error.find("NFT_INPUT_ACCESS names the chain input of table inet "
                                      "filter, which does not exist: load the ruleset") == 0);
        CHECK(host.nft("list ruleset").empty());
    }
    SECTION("and filter what comes in") {
        const std::string before = theirs("inet");
        layout.base_chain = "forward";
        CHECK(host.start().error.find("which does not filter what comes in to this host") !=
              std::string::npos);
        CHECK(host.nft("list table inet filter") == before);
    }
    SECTION("opens, closes, and goes without a trace") {
        const std::string before = theirs("inet");
        const auto started = host.start();
        REQUIRE(started.error == "");
        REQUIRE(started.jumps.size() == 1);
        CHECK(started.jumps[0] == added_jump{"input", "fwknop_input"});
        CHECK(first_rule() == jump);
        host.open("192.0.2.7", 22, 1);
        host.open("2001:db8::7", 22, 100);
        host.open(open_request{
            network{address("192.0.2.0"), 24}, std::nullopt, {{protocol::tcp, 22}}, 100s, 0});
        host.run_until([&] { return host.log.has("Removed rule 1 from fwknop_grant4 "); });
        CAPTURE(host.log.lines);
        CHECK(host.log.has("Added access rule to fwknop_grant4 for 192.0.2.7 -> "));
        CHECK(host.elements("fwknop_grant4").empty());
        CHECK(host.count("2001:db8::7 . tcp . 22") == 1);
        CHECK(host.count("@fwknop_grant4_24 accept") == 1);
        CHECK(host.count(jump) == 1);
        CHECK(host.stop().error == "");
        CHECK(host.nft("list ruleset") == before);
    }
    SECTION("a crash leaves one jump, the next start makes it the first again") {
        theirs("inet");
        host.options.flush_at_init = false;
        REQUIRE(host.start().error == "");
        host.open("192.0.2.7", 22, 100);
        host.run();
        host.crash();
        // As with a ruleset that was saved and is loaded beside what is there.
        host.nft("insert rule inet filter input tcp dport 80 accept\n"
                 "add rule inet filter input " +
                 jump);
        CHECK(host.count(jump) == 2);
        CHECK(host.start().adopted.size() == 1);
        CHECK(host.count(jump) == 1);
        CHECK(first_rule() == jump);
        CHECK(host.count("192.0.2.7 . tcp . 22") == 1);
    }
    SECTION("is restored") {
        theirs("inet");
        REQUIRE(host.start().error == "");
        host.open("192.0.2.7", 22, 100);
        host.run();
        SECTION("the jump, before what others have put there") {
            host.nft("flush chain inet filter input");
            host.nft("add rule inet filter input ct state established accept");
            host.run_until([&] { return host.count(jump) == 1; });
            host.run();
            CHECK(first_rule() == jump);
        }
        SECTION("the chain") {
            host.nft("flush chain inet filter input\nflush chain inet filter fwknop_input\n"
                     "delete chain inet filter fwknop_input");
            host.run_until([&] { return host.count(jump) == 1; });
            host.run();
            CHECK(host.log.has("table inet filter had lost fwknop_input, which is made again"));
        }
        SECTION("all, when the administrator's ruleset is back") {
            host.nft("flush ruleset");
            host.run_until([&] {
                return host.log.has("inspect failed: NFT_INPUT_ACCESS names the chain input of ");
            });
            theirs("inet");
            host.run_until([&] { return host.count(jump) == 1; });
            host.run_until([&] { return host.count("192.0.2.7 . tcp . 22") == 1; });
            CHECK(first_rule() == jump);
        }
        CAPTURE(host.log.lines);
        CHECK(host.count("@fwknop_grant4 accept") == 1);
        CHECK(host.count("192.0.2.7 . tcp . 22") == 1);
    }
    SECTION("leaves the administrator's order and rules alone") {
        theirs("inet");
        REQUIRE(host.start().error == "");
        host.log.lines.clear();
        host.nft("insert rule inet filter input ip saddr 203.0.113.66 drop");
        host.nft("flush chain inet filter forward");
        host.run(100ms);
        CHECK(first_rule() == "ip saddr 203.0.113.66 drop");
        host.open(open_request{
            network{address("192.0.2.0"), 24}, std::nullopt, {{protocol::tcp, 22}}, 100s, 0});
        host.run_until([&] { return !host.log.lines.empty(); });
        CHECK(first_rule() == "ip saddr 203.0.113.66 drop");
        CHECK(host.log.lines.size() == 1);
    }
    SECTION("a rule of the administrator keeps our set, emptied") {
        theirs("inet");
        REQUIRE(host.start().error == "");
        host.nft("add rule inet filter forward ip saddr . meta l4proto . th dport @fwknop_grant4 "
                 "accept");
        host.open("192.0.2.7", 22, 100);
        host.run();
        CHECK(host.stop().error == "");
        CHECK(host.count("192.0.2.7") == 0);
        CHECK(host.count(jump) == 0);
        CHECK(host.count("@fwknop_grant4 accept") == 1);
    }
    SECTION("of one family opens for that alone") {
        theirs("ip");
        REQUIRE(host.start().error == "");
        host.open("2001:db8::7", 22, 100);
        host.open("192.0.2.7", 22, 100);
        host.run();
        CAPTURE(host.log.lines);
        CHECK(host.log.has(
            "open failed: NFT_INPUT_ACCESS names a chain of family ip, which sees no packets of "
            "the other family"));
        CHECK(host.count("192.0.2.7 . tcp . 22") == 1);
        CHECK(host.keeper->grants().size() == 1);
        CHECK(host.stop().error == "");
        CHECK(host.count("fwknop") == 0);
    }
}
