// SPDX-License-Identifier: Apache-2.0
#include "core/replay/replay_table.hpp"
#include "replay/sample.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;

TEST_CASE("an empty table knows no packet") {
    replay_table table{1};
    CHECK(table.size() == 0);
    CHECK_FALSE(table.find(sample_id(1)).has_value());
    CHECK(table.forget_before(from_seconds(5000000000)) == 0);
}

TEST_CASE("a packet is found with where it came from") {
    replay_table table{1};
    CHECK(table.insert(sample_id(1), sample_origin(100)));
    CHECK(table.insert(sample_id(2), sample_origin(200)));
    REQUIRE(table.find(sample_id(1)).has_value());
    CHECK(*table.find(sample_id(1)) == sample_origin(100));
    CHECK(*table.find(sample_id(2)) == sample_origin(200));
    CHECK_FALSE(table.find(sample_id(3)).has_value());
    CHECK(table.size() == 2);
}

TEST_CASE("the first arrival of a packet stays") {
    replay_table table{1};
    CHECK(table.insert(sample_id(1), sample_origin(100)));
    CHECK_FALSE(table.insert(sample_id(1), sample_origin(200)));
    CHECK(*table.find(sample_id(1)) == sample_origin(100));
    CHECK(table.size() == 1);
}

TEST_CASE("digests that differ in any one bit are different packets") {
    replay_table table{1};
    const packet_id id = sample_id(1);
    REQUIRE(table.insert(id, sample_origin(100)));
    for (std::size_t bit = 0; bit < 8 * id.size(); ++bit) {
        packet_id other = id;
        other[bit / 8] = static_cast<std::uint8_t>(other[bit / 8] ^ (1U << (bit % 8)));
        if (table.find(other)) FAIL("bit " << bit << " does not count");
    }
}

TEST_CASE("what was seen before the limit is forgotten, the limit itself is not") {
    replay_table table{1};
    table.insert(sample_id(1), sample_origin(99));
    table.insert(sample_id(2), sample_origin(100));
    table.insert(sample_id(3), sample_origin(101));
    CHECK(table.forget_before(from_seconds(100)) == 1);
    CHECK(table.size() == 2);
    CHECK_FALSE(table.find(sample_id(1)).has_value());
    CHECK(table.find(sample_id(2)).has_value());
    CHECK(table.find(sample_id(3)).has_value());
}

TEST_CASE("a forgotten packet can come again") {
    replay_table table{1};
    table.insert(sample_id(1), sample_origin(99));
    REQUIRE(table.forget_before(from_seconds(100)) == 1);
    CHECK(table.insert(sample_id(1), sample_origin(500)));
    CHECK(*table.find(sample_id(1)) == sample_origin(500));
}

TEST_CASE("the seed changes nothing that can be seen") {
    const std::uint64_t seed = GENERATE(as<std::uint64_t>{}, 0, 1, UINT64_MAX);
    replay_table table{seed};
    constexpr std::uint32_t count = 20000;
    for (std::uint32_t i = 0; i < count; ++i) {
        if (!table.insert(sample_id(i), sample_origin(i))) FAIL(i);
    }
    REQUIRE(table.size() == count);
    CHECK(table.forget_before(from_seconds(count / 2)) == count / 2);

    std::map<packet_id, packet_origin> visited;
    std::vector<unix_time> order;
    table.for_each([&](const packet_id& id, const packet_origin& origin) {
        visited.emplace(id, origin);
        order.push_back(origin.seen);
    });
    CHECK(std::is_sorted(order.begin(), order.end()));
    REQUIRE(visited.size() == count / 2);
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto found = table.find(sample_id(i));
        const bool expected = i >= count / 2;
        if (found.has_value() != expected || (visited.count(sample_id(i)) == 1) != expected) {
            FAIL(i);
        }
        if (expected && (*found != sample_origin(i) || visited.at(sample_id(i)) != *found)) {
            FAIL(i);
        }
    }
}

TEST_CASE("IPv6 and IPv4 packets share the table") {
    replay_table table{1};
    packet_origin six = sample_origin(0);
    six.source = *ip_address::parse("2001:db8::7");
    six.destination = *ip_address::parse("2001:db8::9");
    // There are no such packets, but a file may say so.
    packet_origin from_six = sample_origin(0);
    from_six.source = six.source;
    packet_origin to_six = sample_origin(0);
    to_six.destination = six.destination;
    const std::array kinds{six, sample_origin(0), from_six, to_six};

    const auto origin_of = [&](std::uint32_t number) {
        packet_origin out = kinds[number % kinds.size()];
        out.source_port = static_cast<std::uint16_t>(number);
        out.seen = from_seconds(number % 10);
        return out;
    };
    for (std::uint32_t i = 0; i < 1000; ++i) REQUIRE(table.insert(sample_id(i), origin_of(i)));
    CHECK(table.forget_before(from_seconds(7)) == 700);
    for (std::uint32_t i = 1000; i < 1100; ++i) REQUIRE(table.insert(sample_id(i), origin_of(i)));

    for (std::uint32_t i = 0; i < 1100; ++i) {
        const auto found = table.find(sample_id(i));
        const bool expected = i >= 1000 || i % 10 >= 7;
        if (found.has_value() != expected || (found && *found != origin_of(i))) FAIL(i);
    }
}

TEST_CASE("extremes come back as they went in") {
    replay_table table{1};
    packet_id id;
    id.fill(0xff);
    const packet_origin most{.protocol = 255,
                             .source = *ip_address::parse("255.255.255.255"),
                             .source_port = 65535,
                             .destination = *ip_address::parse("255.255.255.254"),
                             .destination_port = 65534,
                             .seen = from_seconds((std::int64_t{1} << 48U) - 1)};
    REQUIRE(table.insert(id, most));
    REQUIRE(table.insert(packet_id{}, packet_origin{}));
    CHECK(*table.find(id) == most);
    CHECK(*table.find(packet_id{}) == packet_origin{});

    // Beyond what is kept: the nearest.
    packet_origin beyond = most;
    beyond.seen = from_seconds(INT64_MAX);
    REQUIRE(table.insert(sample_id(1), beyond));
    CHECK(*table.find(sample_id(1)) == most);
    beyond.seen = from_seconds(-1);
    REQUIRE(table.insert(sample_id(2), beyond));
    CHECK(table.find(sample_id(2))->seen == from_seconds(0));
}

TEST_CASE("a table can be moved") {
    replay_table first{1};
    REQUIRE(first.insert(sample_id(1), sample_origin(100)));
    replay_table second = std::move(first);
    CHECK(second.find(sample_id(1)).has_value());
    for (std::uint32_t i = 2; i < 1000; ++i) REQUIRE(second.insert(sample_id(i), sample_origin(i)));
    CHECK_FALSE(second.insert(sample_id(1), sample_origin(200)));
    CHECK(second.size() == 999);
}
