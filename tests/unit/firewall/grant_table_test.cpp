// SPDX-License-Identifier: Apache-2.0
#include "firewall/grant_table.hpp"
#include "sample.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;
using namespace std::chrono_literals;

TEST_CASE("opening one grant again and again: the later expiry wins") {
    // clang-format off
    struct row { int time; int wall_step; std::chrono::seconds timeout; open_verdict verdict; std::int64_t expires; };
    const std::vector<row> rows{
        {0,     0, 30s, open_verdict::added,     1'000'030},
        {0,     0, 30s, open_verdict::unchanged, 1'000'030}, // the same second, the same text
        {10,    0, 30s, open_verdict::extended,  1'000'040},
        {11,    0,  5s, open_verdict::unchanged, 1'000'040}, // would end earlier
        {12,    0, 28s, open_verdict::unchanged, 1'000'040}, // would end at the same time
        {13, -3600, 30s, open_verdict::extended,   996'443}, // the wall went back: later all the same
        {14, +3600,  5s, open_verdict::unchanged,  996'443}, // the wall went on: earlier all the same
    };
    // clang-format on
    grant_table table;
    const grant_key key = tcp("192.0.2.7", 22);
    for (const row& r : rows) {
        CAPTURE(r.time);
        const auto before = table.find(key) ? table.find(key)->expires : unix_time{};
        const auto opened = table.open(key, r.timeout, at(r.time, r.wall_step));
        CHECK(opened.verdict == r.verdict);
        CHECK(to_seconds(opened.now.expires) == r.expires);
        CHECK(to_seconds(table.find(key)->expires) == r.expires);
        if (r.verdict == open_verdict::added)
            CHECK_FALSE(opened.before);
        else
            CHECK(opened.before->expires == before);
        CHECK(table.size() == 1);
    }
    CHECK(table.next_deadline() == at(43).steady);
}

TEST_CASE("what makes a grant the same grant") {
    grant_table table;
    grant_key to_one = tcp("192.0.2.7", 22);
    to_one.destination = address("10.0.0.1");
    for (const grant_key& key : {tcp("192.0.2.7", 22), udp("192.0.2.7", 22), tcp("192.0.2.7", 23),
                                 tcp("192.0.2.8", 22), tcp("::ffff:192.0.2.7", 22), to_one})
        CHECK(table.open(key, 30s, at(0)).verdict == open_verdict::added);
    CHECK(table.size() == 6);
}

TEST_CASE("grants end by the steady clock, earliest first") {
    grant_table table;
    table.open(tcp("192.0.2.1", 1), 30s, at(0));
    table.open(tcp("192.0.2.1", 2), 10s, at(0));
    table.open(tcp("192.0.2.1", 3), 20s, at(0));
    CHECK(table.next_deadline() == at(10).steady);

    CHECK(table.expire(at(9, +100'000)).empty());      // a step of the wall ends nothing
    const auto first = table.expire(at(20, -100'000)); // and stretches nothing
    REQUIRE(first.size() == 2);
    CHECK(first[0].what.key.door.port == 2);
    CHECK(first[0].positions[0] == 2);
    CHECK(first[1].what.key.door.port == 3);
    CHECK(first[1].positions[0] == 3); // before the sweep
    CHECK(table.size() == 1);
    const auto last = table.expire(at(30));
    REQUIRE(last.size() == 1);
    CHECK(last[0].positions[0] == 1);
    CHECK(table.empty());
    CHECK_FALSE(table.next_deadline());
    CHECK(table.expire(at(1000)).empty());
}

TEST_CASE("rule numbers follow the order of the rules, family by family") {
    const rule_order order = GENERATE(rule_order::append, rule_order::prepend);
    grant_table table{order};
    table.open(tcp("192.0.2.1", 1), 10s, at(0));
    table.open(tcp("2001:db8::1", 9), 10s, at(0));
    table.open(tcp("192.0.2.1", 2), 10s, at(0));
    table.open(tcp("192.0.2.1", 3), 10s, at(0));
    table.open(tcp("192.0.2.1", 1), 10s, at(1)); // extended: its rule is written anew

    std::string listed;
    table.for_each(ip_family::v4,
                   [&](const grant& one) { listed += std::to_string(one.key.door.port); });
    CHECK(listed == "231");

    std::string numbers;
    for (const auto& one : table.expire(at(11)))
        numbers +=
            std::to_string(one.what.key.door.port) + ":" + std::to_string(one.positions[0]) + " ";
    if (order == rule_order::append)
        CHECK(numbers == "9:1 2:1 3:2 1:3 ");
    else
        CHECK(numbers == "9:1 2:3 3:2 1:1 ");
}

TEST_CASE("withdrawing and restoring undo") {
    grant_table table;
    const grant_key key = tcp("192.0.2.7", 22);
    CHECK_FALSE(table.withdraw(key));
    table.open(key, 10s, at(0));
    const auto extended = table.open(key, 30s, at(0));
    REQUIRE(extended.verdict == open_verdict::extended);
    table.restore(*extended.before);
    CHECK(table.size() == 1);
    CHECK(to_seconds(table.find(key)->expires) == 1'000'010);
    CHECK(table.next_deadline() == at(10).steady);
    CHECK(table.withdraw(key)->key == key);
    CHECK(table.empty());
    CHECK(table.find(key) == nullptr);
}

TEST_CASE("what an earlier run left ends when its comment says") {
    grant_table table;
    table.adopt(tcp("192.0.2.7", 22), from_seconds(1'000'050), at(20));
    CHECK(table.next_deadline() == at(50).steady);
    CHECK(table.adopt(tcp("192.0.2.7", 22), from_seconds(1'000'040), at(20)).verdict ==
          open_verdict::unchanged);
    CHECK(table.adopt(tcp("192.0.2.7", 22), from_seconds(1'000'060), at(20)).verdict ==
          open_verdict::extended);
    CHECK(table.expire(at(59)).empty());
    CHECK(table.expire(at(60)).size() == 1);
}

TEST_CASE("ten thousand grants come and go") {
    grant_table table;
    for (int i = 0; i < 10'000; ++i)
        table.open({ip_address::v4(std::array<std::uint8_t, 4>{10, 0, std::uint8_t(i >> 8),
                                                               std::uint8_t(i & 255)}),
                    std::nullopt,
                    {protocol::tcp, 22}},
                   std::chrono::seconds{1 + i % 100}, at(0));
    CHECK(table.size() == 10'000);
    std::size_t gone = 0;
    for (int now = 1; now <= 100; ++now) gone += table.expire(at(now)).size();
    CHECK(gone == 10'000);
}

TEST_CASE("an expiry in a far future is far, not past") {
    for (const std::int64_t expires : {20'000'000'000LL, 999'999'999'999LL}) {
        CAPTURE(expires);
        grant_table table;
        table.adopt(tcp("192.0.2.7", 22), from_seconds(expires), at(0));
        CHECK(table.expire(at(1'000'000)).empty());
        CHECK(table.size() == 1);
    }
    grant_table table;
    table.adopt(tcp("192.0.2.7", 22), from_seconds(1), at(0));
    CHECK(table.expire(at(0)).size() == 1);
}

TEST_CASE("rules are numbered chain by chain") {
    using enum rule_role;
    const rule_order order = GENERATE(rule_order::append, rule_order::prepend);
    grant_table table{order};
    const auto nat = [](std::uint16_t door, bool local, source_translation source) {
        nat_route route;
        route.inside = {address("10.0.0.5"), 22};
        route.local = local;
        route.translate_source = source;
        return make_grant_key(address("192.0.2.1"), {}, {protocol::tcp, door}, route);
    };
    table.open(tcp("192.0.2.1", 1), 10s, at(0));
    table.open(nat(2, true, source_translation::none), 11s, at(0));
    table.open(nat(3, false, source_translation::masquerade), 12s, at(0));
    table.open(tcp("192.0.2.1", 4), 13s, at(0));
    table.open(nat(5, false, source_translation::none), 14s, at(0));

    std::vector<rule_positions> found;
    for (const auto& one : table.expire(at(100))) found.push_back(one.positions);
    // input, output, forward, dnat, snat, masquerade
    const bool append = order == rule_order::append;
    CHECK(found == (append ? std::vector<rule_positions>{{1, 1, 0, 0, 0, 0},
                                                         {2, 0, 0, 1, 0, 0},
                                                         {0, 0, 1, 2, 0, 1},
                                                         {3, 2, 0, 0, 0, 0},
                                                         {0, 0, 2, 3, 0, 0}}
                           : std::vector<rule_positions>{{3, 2, 0, 0, 0, 0},
                                                         {2, 0, 0, 3, 0, 0},
                                                         {0, 0, 2, 2, 0, 1},
                                                         {1, 1, 0, 0, 0, 0},
                                                         {0, 0, 1, 1, 0, 0}}));
}
