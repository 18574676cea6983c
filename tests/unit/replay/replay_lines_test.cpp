// SPDX-License-Identifier: Apache-2.0
//
// Replay files that people, crashes and other programs have had their hands in: whatever stands in
// one line, the others go on protecting, and the line is told by its number.

#include "core/replay/replay_file.hpp"
#include "replay/sample.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;

namespace {

using words = std::vector<std::string>;

constexpr std::int64_t when = 1700000000;

std::string entry(std::uint32_t number, std::int64_t seen = when) {
    return format_replay_line(sample_id(number), sample_origin(seen));
}

words split(const std::string& line) {
    words out{""};
    for (const char c : line) {
        if (c == ' ') {
            out.emplace_back();
        } else {
            out.back() += c;
        }
    }
    return out;
}

std::string join(const words& parts) {
    std::string out;
    for (const auto& part : parts) out += (out.empty() ? "" : " ") + part;
    return out;
}

replay_load load(const std::string& text, replay_table& table, std::int64_t forget_before = 0) {
    return load_replay_text(text, table, from_seconds(forget_before));
}

// `line` as the third of four lines, entries 1, 2 and 3 around it.
void check_third_line_is_invalid(const std::string& line) {
    CAPTURE(line);
    replay_table table{1};
    const std::string text = entry(1) + "\n" + entry(2) + "\n" + line + "\n" + entry(3) + "\n";
    const auto loaded = load(text, table);
    CHECK(loaded.loaded == 3);
    CHECK(loaded.invalid_lines == std::vector<std::size_t>{3});
    CHECK_FALSE(loaded.torn);
    CHECK(loaded.intact_size == text.size());
    CHECK(table.size() == 3);
}

} // namespace

TEST_CASE("each field of a line is needed, and checked") {
    const words good = split(entry(9));
    REQUIRE(good.size() == 7);
    const std::size_t field = GENERATE(range(std::size_t{0}, std::size_t{7}));
    CAPTURE(field);

    words without = good;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(field));
    check_third_line_is_invalid(join(without));

    // A digest may hold a plus, but is then a character too long.
    for (const std::string& broken :
         {std::string{"?"}, std::string{"-1"}, good[field] + "?", "+" + good[field]}) {
        words changed = good;
        changed[field] = broken;
        check_third_line_is_invalid(join(changed));
    }
}

TEST_CASE("numbers end where their type ends") {
    const words good = split(entry(9));
    struct limit {
        std::size_t field;
        std::string most;
        std::string beyond;
    };
    const auto [field, most, beyond] = GENERATE(values<limit>({
        {1, "255", "256"},
        {3, "65535", "65536"},
        {5, "65535", "65536"},
        {6, "9223372036854775807", "9223372036854775808"},
    }));
    CAPTURE(field);
    words changed = good;
    changed[field] = most;
    replay_table table{1};
    CHECK(load(join(changed) + "\n", table).loaded == 1);
    CHECK(table.find(sample_id(9)).has_value());
    changed[field] = beyond;
    check_third_line_is_invalid(join(changed));
}

TEST_CASE("words behind the time do no harm in a file") {
    replay_table table{1};
    const auto loaded =
        load(entry(1) + " 17 more\n" + entry(2) + " #\r\n" + entry(3) + "\n", table);
    CHECK(loaded.loaded == 3);
    CHECK(loaded.invalid_lines.empty());
    CHECK(*table.find(sample_id(1)) == sample_origin(when));
}

TEST_CASE("comments and empty lines count as lines") {
    replay_table table{1};
    const auto loaded = load("# one\n\n\r\nfour\n" + entry(1) + "\nsix\n", table);
    CHECK(loaded.loaded == 1);
    CHECK(loaded.invalid_lines == std::vector<std::size_t>{4, 6});
}

TEST_CASE("what a table holds comes back from its file") {
    // Around what 31, 32 and 33 bits hold: the years 2038, 2106 and 2242.
    const std::vector<std::int64_t> times{
        0, 1, when, 2147483647, 2147483648, 4294967295, 4294967296, 8589934591, 8589934592};
    const auto origin_of = [&](std::uint32_t number) {
        packet_origin out = sample_origin(times[number % times.size()]);
        if (number % 2 != 0) {
            out.source = *ip_address::parse("2001:db8::7");
            out.destination = *ip_address::parse("::ffff:192.0.2.1");
        }
        out.source_port = static_cast<std::uint16_t>(65535 - number);
        return out;
    };
    constexpr std::uint32_t count = 300;
    replay_table written{1};
    for (std::uint32_t i = 0; i < count; ++i) REQUIRE(written.insert(sample_id(i), origin_of(i)));
    std::string text = std::string{replay_file_header} + "\n";
    written.for_each([&](const packet_id& id, const packet_origin& origin) {
        text += format_replay_line(id, origin) + "\n";
    });

    replay_table read{2};
    const auto loaded = load(text, read);
    CHECK(loaded.loaded == count);
    CHECK(loaded.invalid_lines.empty());
    for (std::uint32_t i = 0; i < count; ++i) {
        if (read.find(sample_id(i)) != origin_of(i)) FAIL("entry " << i);
    }

    // A second reading adds nothing and takes nothing away.
    CHECK(load(text, read).loaded == 0);
    CHECK(read.size() == count);
}

TEST_CASE("a file torn in a comment has lost nothing") {
    const std::string whole = entry(1) + "\n";
    for (const std::string_view comment : {"#", "# a comm", "# a comment\r"}) {
        CAPTURE(comment);
        replay_table table{1};
        const auto loaded = load(whole + std::string{comment}, table);
        CHECK(loaded.loaded == 1);
        CHECK(loaded.invalid_lines.empty());
        CHECK(loaded.torn);
        CHECK(loaded.intact_size == whole.size());
    }
    replay_table table{1};
    const auto header = load(std::string{replay_file_header}, table);
    CHECK(header.torn);
    CHECK(header.intact_size == 0);
    CHECK(header.loaded == 0);
}

TEST_CASE("a torn last line is never counted as invalid, wherever it was torn") {
    const std::string whole = "nonsense\n" + entry(1) + "\n";
    const std::string last = entry(2);
    for (std::size_t size = 1; size <= last.size(); ++size) {
        CAPTURE(size);
        replay_table table{1};
        const auto loaded = load(whole + last.substr(0, size), table);
        REQUIRE(loaded.torn);
        REQUIRE(loaded.invalid_lines == std::vector<std::size_t>{1});
        REQUIRE(loaded.intact_size == whole.size());
        REQUIRE(table.find(sample_id(1)).has_value());
    }
}

TEST_CASE("a whole last line without its end is as good as any other") {
    replay_table table{1};
    const auto only = load(entry(1), table);
    CHECK(only.loaded == 1);
    CHECK(only.torn);
    CHECK(only.intact_size == 0);
    CHECK(*table.find(sample_id(1)) == sample_origin(when));

    // Known already, or too old: the same as if it had its end.
    CHECK(load(entry(1, when + 5), table).loaded == 0);
    CHECK(*table.find(sample_id(1)) == sample_origin(when));
    const auto old = load(entry(2), table, when + 1);
    CHECK(old.outdated == 1);
    CHECK(old.loaded == 0);
    CHECK_FALSE(table.find(sample_id(2)).has_value());
}
