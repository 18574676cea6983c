// SPDX-License-Identifier: Apache-2.0
#include "core/replay/replay_file.hpp"
#include "replay/sample.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <string>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;

namespace {

// The digest of number 1 and of number 2.
const std::string one = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAKU";
const std::string two = "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAKU";
const std::string where = " 17 192.0.2.7 40000 198.51.100.9 62201 ";
const std::string header = std::string{replay_file_header} + "\n";

std::string line(const std::string& digest, std::int64_t seen) {
    return digest + where + std::to_string(seen);
}

} // namespace

TEST_CASE("a line holds digest, protocol, both ends and the time") {
    CHECK(format_replay_line(sample_id(1), sample_origin(1700000000)) == line(one, 1700000000));
    const packet_origin six{
        6, *ip_address::parse("2001:db8::7"), 1, *ip_address::parse("::1"), 65535, from_seconds(0)};
    CHECK(format_replay_line(sample_id(2), six) == two + " 6 2001:db8::7 1 ::1 65535 0");
}

TEST_CASE("what is written is read") {
    const packet_origin six{58,    *ip_address::parse("2001:db8::7"), 0, *ip_address::parse("::1"),
                            65535, from_seconds(1700000000)};
    packet_id id;
    id.fill(0xff);
    const auto entry = parse_replay_line(format_replay_line(id, six));
    REQUIRE(entry.has_value());
    CHECK(entry->id == id);
    CHECK(entry->origin == six);
}

TEST_CASE("an entry in all its spellings") {
    const std::string text = GENERATE_COPY(values<std::string>({
        line(one, 1700000000),
        line(one, 1700000000) + "\r",
        line(one, 1700000000) + " ",
        line(one, 1700000000) + " and more words",
        "  " + line(one, 1700000000),
        one + "\t17\t192.0.2.7\t40000 \t 198.51.100.9  62201\t1700000000",
        one + "=" + where + "1700000000",
    }));
    CAPTURE(text);
    const auto entry = parse_replay_line(text);
    REQUIRE(entry.has_value());
    CHECK(entry->id == sample_id(1));
    CHECK(entry->origin == sample_origin(1700000000));
}

TEST_CASE("what is no entry") {
    const std::string text = GENERATE_COPY(values<std::string>({
        "",
        " ",
        "#",
        one,
        line(one, 1700000000).substr(0, 80), // cut before the time
        one.substr(1) + where + "1700000000",
        "A" + one + where + "1700000000",
        one + "A" + where + "1700000000",
        "*" + one.substr(1) + where + "1700000000",
        one + " 256 192.0.2.7 40000 198.51.100.9 62201 1700000000",
        one + " udp 192.0.2.7 40000 198.51.100.9 62201 1700000000",
        one + " -1 192.0.2.7 40000 198.51.100.9 62201 1700000000",
        one + " 17 192.0.2.256 40000 198.51.100.9 62201 1700000000",
        one + " 17 192.0.2.7 65536 198.51.100.9 62201 1700000000",
        one + " 17 192.0.2.7 40000 host.example 62201 1700000000",
        one + " 17 192.0.2.7 40000 198.51.100.9 65536 1700000000",
        one + " 17 192.0.2.7 40000 198.51.100.9 62201 1700000000x",
        one + " 17 192.0.2.7 40000 198.51.100.9 62201 -5",
        one + " 17 192.0.2.7 40000 198.51.100.9 62201 99999999999999999999",
    }));
    CAPTURE(text);
    CHECK_FALSE(parse_replay_line(text).has_value());
}

TEST_CASE("a file of the 2.6 line loads") {
    replay_table table{1};
    const std::string text = header + line(one, 1700000000) + "\n" + line(two, 1700000001) + "\n";
    const auto loaded = load_replay_text(text, table, from_seconds(0));
    CHECK(loaded.loaded == 2);
    CHECK(loaded.outdated == 0);
    CHECK(loaded.invalid_lines.empty());
    CHECK_FALSE(loaded.torn);
    CHECK(loaded.intact_size == text.size());
    CHECK(table.size() == 2);
    REQUIRE(table.find(sample_id(2)).has_value());
    CHECK(*table.find(sample_id(2)) == sample_origin(1700000001));
}

TEST_CASE("comments, empty lines and carriage returns are nothing wrong") {
    replay_table table{1};
    const auto loaded = load_replay_text("# a\n\n#b\r\n\r\n \t\n" + line(one, 1700000000) + "\r\n",
                                         table, from_seconds(0));
    CHECK(loaded.loaded == 1);
    CHECK(loaded.invalid_lines.empty());
    CHECK_FALSE(loaded.torn);
}

TEST_CASE("invalid lines are told by number and stop nothing") {
    replay_table table{1};
    const auto loaded = load_replay_text(header + "nonsense\n" + line(one, 1700000000) + "\n" +
                                             std::string(3, '\0') + "\n" + line(two, 1700000000) +
                                             "\n" + two + "\n",
                                         table, from_seconds(0));
    CHECK(loaded.loaded == 2);
    CHECK(loaded.invalid_lines == std::vector<std::size_t>{2, 4, 6});
}

TEST_CASE("old entries are left out, one at the limit is kept") {
    replay_table table{1};
    const auto loaded =
        load_replay_text(line(one, 1699999999) + "\n" + line(two, 1700000000) + "\n", table,
                         from_seconds(1700000000));
    CHECK(loaded.loaded == 1);
    CHECK(loaded.outdated == 1);
    CHECK_FALSE(table.find(sample_id(1)).has_value());
    CHECK(table.find(sample_id(2)).has_value());
}

TEST_CASE("of two lines for one packet the first stays") {
    replay_table table{1};
    const auto loaded = load_replay_text(
        line(one, 1700000000) + "\n" + line(one, 1700000009) + "\n", table, from_seconds(0));
    CHECK(loaded.loaded == 1);
    CHECK(*table.find(sample_id(1)) == sample_origin(1700000000));
}

TEST_CASE("a last line that a crash cut short is no invalid line") {
    const std::string before = header + line(one, 1700000000) + "\n";
    const std::string last = line(two, 1700000000);
    // Without any of the time, then without the line's end only.
    const std::size_t time_at = last.size() - std::string{"1700000000"}.size();
    for (std::size_t size = 1; size <= time_at; ++size) {
        CAPTURE(size);
        replay_table table{1};
        const auto loaded = load_replay_text(before + last.substr(0, size), table, from_seconds(0));
        CHECK(loaded.loaded == 1);
        CHECK(loaded.invalid_lines.empty());
        CHECK(loaded.torn);
        CHECK(loaded.intact_size == before.size());
    }
    replay_table table{1};
    const auto loaded = load_replay_text(before + last, table, from_seconds(0));
    CHECK(loaded.loaded == 2);
    CHECK(loaded.torn);
    CHECK(loaded.intact_size == before.size());
}

TEST_CASE("an empty file is an empty table") {
    replay_table table{1};
    const auto loaded = load_replay_text("", table, from_seconds(0));
    CHECK(loaded.loaded == 0);
    CHECK_FALSE(loaded.torn);
    CHECK(loaded.intact_size == 0);
}
