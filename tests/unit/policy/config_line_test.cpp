// SPDX-License-Identifier: Apache-2.0
#include "core/policy/config_line.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <memory>
#include <string>

using namespace fwknop;

namespace {

/// The only line of `text`, read from a buffer of exactly its size.
config_line only(std::string_view text) {
    static std::unique_ptr<char[]> buffer;
    buffer = std::make_unique<char[]>(text.size());
    std::memcpy(buffer.get(), text.data(), text.size());
    line_reader lines{{buffer.get(), text.size()}};
    auto line = lines.next();
    REQUIRE(line);
    CHECK_FALSE(lines.next());
    return *line;
}

} // namespace

TEST_CASE("a line is a name and a value") {
    const auto [text, name, value] = GENERATE(table<std::string, std::string, std::string>({
        {"NAME value;", "NAME", "value"},
        {"NAME value", "NAME", "value"},
        {"  \tNAME \t value  \t", "NAME", "value"},
        {"NAME value \r\n", "NAME", "value"},
        {"NAME a b  c ; remark; more", "NAME", "a b  c"},
        {"NAME a # b;", "NAME", "a # b"},
        {"NAME: value", "NAME:", "value"},
        {"NAME = value", "NAME", "= value"},
        {"NAME", "NAME", ""},
        {"NAME;", "NAME;", ""},
        {"NAME  ;", "NAME", ""},
        {" # x", "#", "x"},
    }));
    CAPTURE(text);
    const auto line = only(text);
    CHECK(line.number == 1);
    CHECK(line.name == name);
    CHECK(line.value == value);
}

TEST_CASE("comments and blank lines are skipped but counted") {
    line_reader lines{"# one\n\n;three\n   \t\r\nFIVE 5\nSIX 6"};
    const auto five = lines.next();
    REQUIRE(five);
    CHECK(five->number == 5);
    CHECK(five->name == "FIVE");
    const auto six = lines.next();
    REQUIRE(six);
    CHECK(six->number == 6);
    CHECK(six->value == "6");
    CHECK_FALSE(lines.next());
    CHECK_FALSE(line_reader{""}.next());
}

TEST_CASE("a list keeps empty items") {
    using items = std::vector<std::string_view>;
    CHECK(split_list("a, b ,c") == items{"a", "b", "c"});
    CHECK(split_list("a,,b,") == items{"a", "", "b", ""});
    CHECK(split_list("") == items{""});
}

TEST_CASE("yes begins with a y") {
    for (const auto* const yes : {"Y", "y", "yes", "Yo"}) CHECK(is_yes(yes));
    for (const auto* const no : {"N", "no", "", "1", "true", "on"}) CHECK_FALSE(is_yes(no));
}

TEST_CASE("numbers are decimal and may have a remark") {
    CHECK(read_number("12")->value == 12);
    CHECK_FALSE(read_number("12")->remark);
    CHECK(read_number("012")->value == 12);
    CHECK(read_number("12 # x")->remark);
    for (const auto* const bad : {"", "-1", "+1", "x", "12x", "0x10", "99999999999999999999999"}) {
        CAPTURE(bad);
        CHECK_FALSE(read_number(bad));
    }
}

TEST_CASE("names compare in any case of ASCII") {
    CHECK(equals_ignoring_case("Any", "ANY"));
    CHECK_FALSE(equals_ignoring_case("ANY1", "ANY"));
    CHECK_FALSE(equals_ignoring_case("[", "{"));
}

TEST_CASE("what may be a key in the place of a name is not shown") {
    CHECK(printable_name("BOGUS_1") == "BOGUS_1");
    CHECK(printable_name("KEY=secret") == "KEY…");
    CHECK(printable_name(std::string(60, 'a')) == std::string(40, 'a') + "…");
}

TEST_CASE("a name that holds a value by a slip shows none of it") {
    CHECK(printable_name("KEY:mysecretpassphrase") == "KEY…");
    CHECK(printable_name("KEY_BASE64:c2VjcmV0") == "KEY_BASE64…");
    CHECK(printable_name("KEY=mysecretpassphrase") == "KEY…");
    CHECK(printable_name("ENABLE_X") == "ENABLE_X");
}
