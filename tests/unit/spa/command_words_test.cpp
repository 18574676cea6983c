// SPDX-License-Identifier: Apache-2.0
#include "core/spa/command_words.hpp"

#include <catch2/catch.hpp>

#include <memory>

using namespace fwknop;

namespace {

/// `<word><word>`, or "refused".
std::string words(std::string_view line) {
    // Exactly as many bytes as there are, so that a sanitizer sees a read past the end.
    const auto exact = std::make_unique<char[]>(line.size());
    line.copy(exact.get(), line.size());
    const auto split = split_command_words({exact.get(), line.size()});
    if (!split) return "refused";
    std::string text;
    for (const auto& word : *split) text += "<" + word + ">";
    return text;
}

} // namespace

TEST_CASE("a command without quotes is divided by blanks") {
    CHECK(words("/bin/id") == "</bin/id>");
    CHECK(words("  /bin/echo\t-n  a\n b ") == "</bin/echo><-n><a><b>");
    CHECK(words("") == "");
    CHECK(words(" \t\n") == "");
}

TEST_CASE("quotes are those of the shell") {
    CHECK(words("a 'b  c' \"d  e\"") == "<a><b  c><d  e>");
    CHECK(words("a'b'\"c\"d") == "<abcd>");
    CHECK(words("a '' \"\"") == "<a><><>");
    CHECK(words(R"('a"b' "c'd")") == R"(<a"b><c'd>)");
    CHECK(words(R"('a\b\' x)") == R"(<a\b\><x>)");
    CHECK(words(R"("a\"b\\c\$d\`e")") == R"(<a"b\c$d`e>)");
    CHECK(words(R"("a\bc\ d")") == R"(<a\bc\ d>)");
    CHECK(words(R"(a\ b \"c \\ \'d)") == R"(<a b><"c><\><'d>)");
}

TEST_CASE("a backslash takes a line feed away") {
    CHECK(words("a\\\nb \\\n c \"d\\\ne\"") == "<ab><c><de>");
    CHECK(words("\\\n") == "");
    CHECK(words("'a\\\nb'") == "<a\\\nb>");
}

TEST_CASE("there is no more of a shell in it") {
    CHECK(words("a $HOME ~ *.c ;b|c >d &e #f `g` $(h)") ==
          "<a><$HOME><~><*.c><;b|c><>d><&e><#f><`g`><$(h)>");
}

TEST_CASE("what has no end is refused") {
    for (const auto* const line : {"a 'b", "a \"b", "a \"b\\\"", "a \\", "\"\\", "'", "\"", "\\"}) {
        CAPTURE(line);
        CHECK(words(line) == "refused");
    }
    CHECK(words(std::string_view{"a\0b", 3}) == "refused");
}

TEST_CASE("words in a log stay on their line") {
    CHECK(join_command_words({"/bin/echo", "a b", "c\nd"}) == "/bin/echo a b c\\x0ad");
    CHECK(join_command_words({}) == "");
}
