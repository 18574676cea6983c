// SPDX-License-Identifier: Apache-2.0
#include "keeper_stage.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;
using namespace std::chrono_literals;

namespace {

using lines = std::vector<std::string>;

const service ssh{protocol::tcp, 22};
const service dns{protocol::udp, 53};

} // namespace

TEST_CASE("a grant opens, is extended and ends") {
    stage s;
    s.start();
    s.ask(1, {ssh, dns}, 30s);
    s.settle();
    CHECK(s.take_batches() == lines{"add 192.0.2.7 tcp/22 1000030, add 192.0.2.7 udp/53 1000030"});
    CHECK(s.take_events() == lines{"added CHAIN tcp/22,udp/53 1000030 #1"});

    s.now = at(10);
    s.ask(2, {ssh}, 30s);
    s.settle();
    CHECK(s.take_batches() == lines{"extend 192.0.2.7 tcp/22 1000040 was 1000030"});
    CHECK(s.take_events() == lines{"extended CHAIN tcp/22 1000040 #2"});

    s.ask(3, {ssh}, 5s); // ends earlier than what is open
    s.settle();
    CHECK(s.take_batches().empty());
    CHECK(s.take_events().empty());

    s.turn(29);
    CHECK(s.take_batches().empty());
    s.turn(30);
    CHECK(s.take_batches() == lines{"remove 192.0.2.7 udp/53 1000030"});
    CHECK(s.take_events() == lines{"removed CHAIN 1 1000030"}); // ssh was written anew behind it
    s.turn(40);
    CHECK(s.take_events() == lines{"removed CHAIN 1 1000040"});
    CHECK(s.keeper.grants().empty());
}

TEST_CASE("what comes in one turn or during an operation shares a batch") {
    stage s;
    s.start();
    s.filter.answers = {{{}, false, 5ms}};
    s.ask(1, {ssh}, 30s);
    s.ask(2, {dns}, 30s);
    s.ask(3, {ssh}, 40s); // the same grant, later
    s.filter.during = [&] {
        for (std::uint16_t port = 1; port <= 500; ++port) s.ask(10, {{protocol::tcp, port}}, 30s);
    };
    s.context.restart();
    s.context.run_for(200ms);
    const auto batches = s.take_batches();
    REQUIRE(batches.size() == 2);
    CHECK(batches[0] == "add 192.0.2.7 tcp/22 1000040, add 192.0.2.7 udp/53 1000030");
    const auto events = s.take_events();
    REQUIRE(events.size() == 3 + 499); // tcp/22 with an earlier end changes nothing
    CHECK(events[0] == "added CHAIN tcp/22 1000030 #1");
    CHECK(events[1] == "added CHAIN udp/53 1000030 #2");
    CHECK(events[2] == "extended CHAIN tcp/22 1000040 #3");
    CHECK(s.keeper.grants().size() == 501);
}

TEST_CASE("a knock in the very turn in which an operation ends waits for the end of its run") {
    stage it;
    it.start();
    for (std::uint64_t token = 1; token < 4; ++token) {
        it.ask(token, {{protocol::tcp, static_cast<std::uint16_t>(token)}}, 30s);
        it.context.restart();
        while (it.log.events.size() < token && it.context.poll_one() != 0) {
        }
        REQUIRE(it.log.events.size() == token);
        // The backend never waited, so Asio needs another turn to come out of the coroutine.
        CHECK(it.keeper.busy());
    }
    it.settle();
    CHECK_FALSE(it.keeper.busy());
    CHECK(it.take_batches().size() == 3);
}

TEST_CASE("with nothing to wait for there is no timer") {
    stage s;
    s.start();
    s.settle();
    CHECK(s.context.stopped()); // out of work: not even a timer
    s.ask(1, {ssh}, 30s);
    s.settle();
    CHECK_FALSE(s.context.stopped());
    s.turn(30);
    s.settle();
    CHECK(s.context.stopped());
}

TEST_CASE("the timer itself ends a grant") {
    const auto begin = read_clocks();
    asio::io_context context;
    fake_backend filter;
    recorder log;
    grant_keeper keeper{context.get_executor(), filter, log};
    keeper.open({address("192.0.2.7"), std::nullopt, {ssh}, 1s, 1});
    context.run_for(3s);
    CHECK(context.stopped());
    CHECK(filter.batches.size() == 2);
    CHECK(read_clocks().steady - begin.steady >= 1s);
    CHECK(read_clocks().steady - begin.steady < 1500ms);
}

TEST_CASE("a failed open is withdrawn and the next knock tries again") {
    stage s;
    s.start();
    s.filter.answers = {{"no such target", false, 0ms}};
    s.ask(1, {ssh, dns}, 30s);
    s.settle();
    CHECK(s.take_events() == lines{"open failed #1: no such target"});
    CHECK(s.keeper.grants().empty());
    s.ask(2, {ssh}, 30s);
    s.settle();
    CHECK(s.take_events() == lines{"added CHAIN tcp/22 1000030 #2"});
}

TEST_CASE("a failed extension leaves the grant as it was") {
    stage s;
    s.start();
    s.ask(1, {ssh}, 30s);
    s.settle();
    s.now = at(10);
    s.filter.answers = {{"busy", false, 0ms}};
    s.ask(2, {ssh}, 30s);
    s.settle();
    CHECK(s.take_events() == lines{"added CHAIN tcp/22 1000030 #1", "open failed #2: busy"});
    s.take_batches();
    s.turn(30);
    CHECK(s.take_batches() == lines{"remove 192.0.2.7 tcp/22 1000030"});
}

TEST_CASE("a rule that may or may not be there is removed, silently") {
    stage s;
    s.start();
    s.filter.answers = {{"killed", true, 0ms}};
    s.ask(1, {ssh}, 30s);
    s.settle();
    CHECK(s.take_events() == lines{"open failed #1: killed"});
    s.take_batches();
    s.turn_milliseconds(10);
    CHECK(s.take_batches() == lines{"remove 192.0.2.7 tcp/22 1000030"});
    CHECK(s.take_events().empty());
    s.settle();
    CHECK(s.context.stopped());
}

TEST_CASE("a rule that may be there is not removed once it is granted again") {
    stage s;
    s.start();
    s.filter.answers = {{"killed", true, 0ms}};
    s.ask(1, {ssh}, 30s);
    s.settle();
    s.ask(2, {ssh}, 30s); // the same second: the same text
    s.settle();
    s.take_batches();
    s.turn_milliseconds(10);
    CHECK(s.take_batches().empty());
    CHECK(s.keeper.grants().size() == 1);
}

TEST_CASE("a failed close is tried again with growing pauses until it succeeds") {
    stage s;
    s.start();
    s.ask(1, {ssh}, 30s);
    s.settle();
    s.take_events();
    s.take_batches();
    const fake_backend::answer busy{"busy", false, 0ms};
    s.filter.answers = {busy, busy, busy, busy};
    s.turn(30);
    CHECK(s.take_events() == lines{"close failed 1 busy 10"});
    for (const auto& [pause, next] :
         std::vector<std::pair<int, int>>{{10, 20}, {20, 40}, {40, 40}}) {
        s.turn_milliseconds(pause - 1);
        CHECK(s.take_events().empty());
        s.turn_milliseconds(1);
        CHECK(s.take_events() == lines{"close failed 1 busy " + std::to_string(next)});
    }
    s.turn_milliseconds(40);
    CHECK(s.take_events() == lines{"removed CHAIN 1 1000030"});
    CHECK(s.filter.batches.size() == 5);
    // The next trouble begins small again.
    s.filter.answers = {busy};
    s.ask(2, {}, 1s);
    s.settle();
    CHECK(s.filter.answers.size() == 1); // nothing was asked of the backend
}

TEST_CASE("a flood of opens does not hold up closes") {
    stage s;
    s.start();
    s.ask(1, {ssh}, 1s);
    s.settle();
    s.take_batches();
    s.now = at(5);
    s.ask(2, {dns}, 30s);
    s.filter.during = [&] { s.ask(3, {{protocol::udp, 54}}, 30s); };
    s.settle();
    CHECK(s.take_batches() == lines{"add 192.0.2.7 udp/53 1000035",
                                    "remove 192.0.2.7 tcp/22 1000001",
                                    "add 192.0.2.7 udp/54 1000035"});
}

TEST_CASE("what an earlier run and other tools left ends in time") {
    stage s;
    s.filter.at_start.adopted = {{tcp("192.0.2.7", 22), from_seconds(1'000'020)}};
    s.filter.at_start.tagged = {
        {ip_family::v4, "filter", "CHAIN", 2, "-i eth0 -j DROP", from_seconds(1'000'010)}};
    s.start();
    s.keeper.watch(s.filter.at_start.tagged[0]); // seen again
    s.keeper.watch({ip_family::v4, "filter", "CHAIN", 3, "-j LOG", from_seconds(1'000'015)});
    s.turn(10);
    CHECK(s.take_batches() == lines{"sweep -i eth0 -j DROP"});
    s.turn(20);
    CHECK(s.take_batches() == lines{"remove 192.0.2.7 tcp/22 1000020, sweep -j LOG"});
    CHECK(s.take_events() == lines{"removed CHAIN 2 1000010 foreign", "removed CHAIN 1 1000020",
                                   "removed CHAIN 3 1000015 foreign"});
}

TEST_CASE("stop lets the running operation finish and refuses the rest") {
    stage s;
    s.start();
    s.filter.answers = {{{}, false, 30ms}};
    s.ask(1, {ssh}, 30s);
    s.filter.during = [&] { s.ask(2, {dns}, 30s); };
    s.settle();
    CHECK(s.stop().ok());
    CHECK(s.filter.stopped);
    s.ask(3, {ssh}, 30s);
    CHECK(s.take_events() == lines{"open failed #2: the daemon is stopping",
                                   "added CHAIN tcp/22 1000030 #1",
                                   "open failed #3: the daemon is stopping"});
    CHECK(s.filter.batches.size() == 1);
    s.settle();
    CHECK(s.context.stopped()); // no timer is left
}

TEST_CASE("stop cancels an operation that hangs, and still tears down") {
    stage s;
    s.start();
    s.filter.answers = {{{}, false, 100s}};
    s.ask(1, {ssh}, 30s);
    s.settle();
    const auto begin = std::chrono::steady_clock::now();
    CHECK(s.stop().ok());
    CHECK(std::chrono::steady_clock::now() - begin < 190ms);
    CHECK(s.filter.stopped);
    CHECK(s.take_events().size() == 1); // open failed
}

TEST_CASE("stop comes to an end although the operation does not") {
    stage s;
    s.start();
    s.filter.answers = {{{}, false, 1s, true}};
    s.ask(1, {ssh}, 30s);
    s.settle();
    CHECK(s.stop().error == "the firewall backend fake does not come to an end; rules may be left: "
                            "remove them with --fw-flush");
    CHECK_FALSE(s.filter.stopped);
    s.context.restart();
    s.context.run_for(2s);
}

TEST_CASE("stop comes to an end although the tear-down hangs") {
    stage s;
    s.start();
    s.filter.stop_delay = 100s;
    const auto begin = std::chrono::steady_clock::now();
    CHECK(s.stop().error == "the tear-down was cut short");
    CHECK(std::chrono::steady_clock::now() - begin < 190ms);
}

TEST_CASE("with NAT the first port counts, and each rule is told of") {
    stage s;
    s.start();
    const auto ask = [&s](std::uint64_t token, std::uint16_t port, std::chrono::seconds timeout) {
        open_request request{address("192.0.2.7"), std::nullopt, {ssh, dns}, timeout, token};
        request.nat.emplace();
        request.nat->inside = {address("10.0.0.5"), port};
        s.keeper.open(std::move(request));
        s.settle();
    };
    ask(1, 22, 30s);
    CHECK(s.take_batches() == lines{"add 192.0.2.7 tcp/22 1000030"});
    CHECK(s.take_events() ==
          lines{"added FORWARDS tcp/22,udp/53 1000030 #1", "added DNATS tcp/22,udp/53 1000030 #1"});
    s.now = at(10);
    ask(2, 22, 30s); // the same: extended
    CHECK(s.take_batches() == lines{"extend 192.0.2.7 tcp/22 1000040 was 1000030"});
    ask(3, 23, 20s); // to another place: a grant of its own
    CHECK(s.take_batches() == lines{"add 192.0.2.7 tcp/22 1000030"});
    s.ask(4, {ssh}, 20s); // as is plain access
    s.settle();
    CHECK(s.take_batches() == lines{"add 192.0.2.7 tcp/22 1000030"});
    s.take_events();

    s.turn(30);
    CHECK(s.take_events() == lines{"removed FORWARDS 2 1000030", "removed DNATS 2 1000030",
                                   "removed CHAIN 1 1000030"});
    s.turn(40);
    CHECK(s.take_events() == lines{"removed FORWARDS 1 1000040", "removed DNATS 1 1000040"});
    CHECK(s.keeper.grants().empty());
}

TEST_CASE("a grant with a rule that has no place is refused as a whole") {
    stage s;
    s.start();
    open_request request{address("192.0.2.7"), std::nullopt, {ssh}, 30s, 1};
    request.nat.emplace();
    request.nat->inside = {address("10.0.0.5"), 22};
    request.nat->translate_source = source_translation::masquerade;
    s.keeper.open(request);
    s.settle();
    CHECK(s.take_batches().empty());
    CHECK(s.take_events() ==
          lines{"open failed #1: there is no chain for its SNAT rule, which the configuration at "
                "the start did not ask for: restart the daemon"});
    CHECK(s.keeper.grants().empty());
    s.ask(2, {ssh}, 30s); // without the mirror, which is not always wanted
    s.settle();
    CHECK(s.take_events() == lines{"added CHAIN tcp/22 1000030 #2"});
}

TEST_CASE("what others change is looked at, once for many changes, and not too often") {
    stage s;
    s.start();
    s.ask(1, {ssh}, 30s);
    s.settle();
    s.take_batches();
    s.take_events();
    const tagged_rule foreign{ip_family::v4, "filter", "CHAIN", 3, "-A CHAIN -j X", at(5).wall};
    s.filter.findings = {{{}, {{"INPUT", "CHAIN"}}, {"a chain is there again"}, {foreign}}};
    s.filter.changed();
    s.filter.changed();
    s.settle();
    CHECK(s.take_batches() == lines{"inspect, wanted 1"});
    CHECK(s.take_events() == lines{"jump CHAIN", "repaired a chain is there again"});

    s.filter.changed(); // at once again: that waits
    s.turn_milliseconds(499);
    CHECK(s.take_batches().empty());
    s.filter.during = [&] { s.filter.changed(); }; // and this is seen by the look after it
    s.turn_milliseconds(1);
    CHECK(s.take_batches() == lines{"inspect, wanted 1"});
    s.turn_milliseconds(500);
    CHECK(s.take_batches() == lines{"inspect, wanted 1"});
    s.turn_milliseconds(500);
    CHECK(s.take_batches().empty());

    s.turn(5);
    CHECK(s.take_batches() == lines{"sweep -A CHAIN -j X"});
    CHECK(s.take_events() == lines{"removed CHAIN 3 1000005 foreign"});
}

TEST_CASE("a look that fails is tried again, later each time, and a stop ends that") {
    stage s;
    s.start();
    s.filter.findings.assign(3, {{"no such luck"}, {}, {}, {}});
    s.filter.changed();
    s.settle();
    CHECK(s.take_events() == lines{"inspect failed no such luck 10"});
    s.turn_milliseconds(9);
    CHECK(s.take_events().empty());
    s.turn_milliseconds(1);
    CHECK(s.take_events() == lines{"inspect failed no such luck 20"});
    s.turn_milliseconds(20);
    CHECK(s.take_events() == lines{"inspect failed no such luck 40"});
    CHECK(s.take_batches().size() == 3);
    CHECK(s.stop().ok());
    s.filter.changed();
    s.turn_milliseconds(1000);
    CHECK(s.take_batches().empty());
}

TEST_CASE("late work of the backend's own is done when it is due, between operations") {
    stage s;
    s.start();
    s.ask(1, {ssh}, 30s);
    s.filter.during = [&] { s.filter.late = at(20).steady; };
    s.settle();
    s.take_batches();
    s.take_events();
    s.turn(19);
    CHECK(s.take_batches().empty());
    s.filter.late_error = "no such luck";
    s.turn(20);
    CHECK(s.take_batches() == lines{"late work"});
    CHECK(s.take_events() == lines{"late cleared", "late work failed no such luck"});
    s.filter.late_error.clear();
    s.turn(24);
    CHECK(s.take_batches().empty());
    s.turn(25);
    CHECK(s.take_batches() == lines{"late work"});
    CHECK(s.take_events() == lines{"late cleared"});
    s.turn(30);
    CHECK(s.take_batches() == lines{"remove 192.0.2.7 tcp/22 1000030"});
    s.settle();
    CHECK(s.context.stopped()); // no timer is left
}

TEST_CASE("the timer itself wakes up for late work") {
    asio::io_context context;
    fake_backend filter;
    recorder log;
    grant_keeper keeper{context.get_executor(), filter, log};
    filter.late = read_clocks().steady + 50ms;
    asio::co_spawn(context, keeper.start(),
                   [](std::exception_ptr error, start_outcome) { REQUIRE_FALSE(error); });
    context.run_for(3s);
    CHECK(context.stopped());
    CHECK(filter.batches == lines{"late work"});
}
