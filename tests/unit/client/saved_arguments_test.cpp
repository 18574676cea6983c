// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/saved_arguments.hpp"

#include <catch2/catch.hpp>

using namespace fwknop::client;

TEST_CASE("what is kept comes back as it was") {
    const std::vector<std::vector<std::string>> rows{
        {},
        {"-A", "tcp/22", "-s"},
        {"-C", "echo \"a b\" 'c' \\d", ""},
        {"-C", "tab\there\nline", "-U", "a b"},
        {"--access=tcp/22,udp/53"},
    };
    for (const auto& row : rows) CHECK(parse_arguments(format_arguments(row)) == row);
}

TEST_CASE("plain words stay plain, as clients of the 2.6 line write and read them") {
    const std::vector<std::string> words{"-A", "tcp/22"};
    CHECK(format_arguments(words) == "fwknop -A tcp/22");
    CHECK(parse_arguments("fwknop -A tcp/22 \n") == words);
    CHECK(parse_arguments("").empty());
}
