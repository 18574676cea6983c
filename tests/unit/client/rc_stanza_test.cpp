// SPDX-License-Identifier: Apache-2.0
#include "client/rc_stanza.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>

using namespace fwknop;
using namespace fwknop::client;

namespace {

using pairs = std::vector<std::pair<std::string_view, std::string_view>>;

struct written {
    std::string text;
    std::string asked;
    std::size_t entries = 0;
};

written write(std::string_view text, const pairs& given, bool answer = true) {
    std::vector<rc_entry> entries;
    for (const auto& [name, value] : given)
        entries.push_back({name, secret_bytes::from_text(value)});
    written done;
    const auto fresh = write_stanza(text, "x", entries, [&](std::string_view name) {
        done.asked += std::string{name} + " ";
        return answer;
    });
    done.text = fresh.text();
    done.entries = entries.size();
    return done;
}

std::string line(std::string name, const std::string& value) {
    name.resize(28, ' ');
    return name + value + "\n";
}

} // namespace

TEST_CASE("a new stanza comes last, after an empty line") {
    const auto stanza = "[x]\n" + line("ACCESS", "tcp/1");
    CHECK(write("", {{"ACCESS", "tcp/1"}}).text == stanza);
    CHECK(write("# a\n", {{"ACCESS", "tcp/1"}}).text == "# a\n\n" + stanza);
    CHECK(write("# a\n\n", {{"ACCESS", "tcp/1"}}).text == "# a\n\n" + stanza);
    CHECK(write("# a", {{"ACCESS", "tcp/1"}}).text == "# a\n\n" + stanza);
    CHECK(write("", {{"SPA_SERVER", "h"}}).text == "[x]\nSPA_SERVER                  h\n");
}

TEST_CASE("old directives go, comments and other stanzas stay byte for byte") {
    const std::string before = "; top\r\n\n KEY nobody\n[default]\nACCESS  tcp/9\t\n\n[y]\nKEY z\n";
    const std::string after = "\n# tail\n\n[z]\r\nACCESS tcp/7 # x\n[broken\nKEY no-feed";
    const auto done = write(before + "[X] # mine\n# about\nACCESS: tcp/2\nSPOOF_USER bob\n" + after,
                            {{"ACCESS", "tcp/1"}, {"FW_TIMEOUT", "5"}});
    CHECK(done.text == before + "[X] # mine\n# about\n" + line("ACCESS", "tcp/1") +
                           line("FW_TIMEOUT", "5") + after);
    CHECK(done.asked.empty());
}

TEST_CASE("a stanza without directives, and one without a last line feed") {
    CHECK(write("[x]", {{"ACCESS", "tcp/1"}}).text == "[x]\n" + line("ACCESS", "tcp/1"));
    CHECK(write("[x]\n# c", {{"ACCESS", "tcp/1"}}).text ==
          "[x]\n" + line("ACCESS", "tcp/1") + "# c");
    CHECK(write("[x]\nACCESS tcp/2", {{"ACCESS", "tcp/1"}}).text ==
          "[x]\n" + line("ACCESS", "tcp/1"));
    CHECK(write("[x]\nKEY k", {{"ACCESS", "tcp/1"}}).text ==
          "[x]\nKEY k\n" + line("ACCESS", "tcp/1"));
}

TEST_CASE("a stanza in two pieces gets each directive once") {
    CHECK(write("[x]\nACCESS tcp/2\n[y]\n[x]\nACCESS tcp/3\n", {{"ACCESS", "tcp/1"}}).text ==
          "[x]\n" + line("ACCESS", "tcp/1") + "[y]\n[x]\n");
}

TEST_CASE("only keys are asked about, and only those that would be replaced") {
    const std::string_view text = "[x]\nKEY a\nHMAC_KEY b\nACCESS tcp/2\n";
    auto done = write(text, {{"KEY", "n"}});
    CHECK(done.asked == "KEY ");
    CHECK(done.text == "[x]\n" + line("KEY", "n") + "HMAC_KEY b\n");
    done = write(text, {{"ACCESS", "tcp/1"}});
    CHECK(done.asked.empty());
    CHECK(done.text == "[x]\nKEY a\nHMAC_KEY b\n" + line("ACCESS", "tcp/1"));
}

TEST_CASE("a key that is not to be replaced stays, and its successor is left out") {
    const auto done = write("[x]\nKEY a\nACCESS tcp/2\n",
                            {{"ACCESS", "tcp/1"}, {"KEY", "n"}, {"HMAC_KEY", "m"}}, false);
    CHECK(done.asked == "KEY ");
    CHECK(done.entries == 2);
    CHECK(done.text == "[x]\nKEY a\n" + line("ACCESS", "tcp/1") + line("HMAC_KEY", "m"));
}

TEST_CASE("a base64 key takes the place of a plain one, which would win over it") {
    const auto done = write("[x]\nKEY a\n", {{"KEY_BASE64", "YWJj"}});
    CHECK(done.asked == "KEY ");
    CHECK(done.text == "[x]\n" + line("KEY_BASE64", "YWJj"));
}

TEST_CASE("keys of other stanzas are no matter for questions") {
    CHECK(write("[y]\nKEY a\n[default]\nKEY b\n", {{"KEY", "n"}}).asked.empty());
}

TEST_CASE("what fits a line and what fits a header") {
    CHECK(fits_rc_line("tcp/22,udp/53"));
    CHECK(fits_rc_line("2001:db8::1"));
    for (const std::string_view bad : {"", "a b", "a\tb", "a\nb", "a\rb", "a;b", "a#b", ":a"})
        CHECK_FALSE(fits_rc_line(bad));
    CHECK_FALSE(fits_rc_line(std::string_view{"a\0b", 3}));
    CHECK(fits_stanza_name("my host"));
    for (const std::string_view bad : {"", "a]b", "a\nb"}) CHECK_FALSE(fits_stanza_name(bad));
}
