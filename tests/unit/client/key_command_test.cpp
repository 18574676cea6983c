// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/key_command.hpp"

#include <catch2/catch.hpp>

using namespace fwknop;
using namespace fwknop::client;

namespace {

std::string key_of(const std::string& command,
                   std::chrono::milliseconds limit = key_command_limit) {
    const auto key = run_key_command(command, limit);
    return key ? "key " + std::string{key->text()} : key.error().text;
}

std::string words(std::string_view command) {
    const auto split = split_command(command);
    if (!split) return split.error().text;
    std::string text;
    for (const auto& word : *split) text += "<" + word + ">";
    return text;
}

} // namespace

TEST_CASE("commands are split as a shell would, without one") {
    CHECK(words("pass show  fwknop/x") == "<pass><show><fwknop/x>");
    CHECK(words("a 'b c' d") == "<a><b c><d>");
    CHECK(words("a \"b $HOME `c`\" *") == "<a><b $HOME `c`><*>");
    CHECK(words(R"(a \"b \\)") == R"(<a><"b><\>)");
    CHECK(words("") == "names no program");
    CHECK(words("''") == "names no program");
    CHECK(words("a 'b") == "has a quote that is not closed");
    CHECK(words("a 'b\" c'") == "must not have both kinds of quotes");
    CHECK(words(R"(a \q)").rfind("has a backslash", 0) == 0);
    CHECK(words("a \\").rfind("has a backslash", 0) == 0);
}

TEST_CASE("the first line of the output is the key") {
    CHECK(key_of("printf 'a b#;'") == "key a b#;");
    CHECK(key_of("printf '%s\\\\n' one two") == "key one");
    CHECK(key_of("printf ' a \\\\n'") == "key  a ");
    // Far more than a pipe holds is read and dropped: the command must not fail for it.
    CHECK(key_of("sh -c 'echo key; head -c 300000 /dev/zero'") == "key key");
    CHECK(key_of("head -c 1023 /dev/zero").size() == 4 + 1023);
}

TEST_CASE("a program left in the background does not hold the key up") {
    CHECK(key_of("sh -c 'sleep 5 & echo key'", std::chrono::milliseconds{4000}) == "key key");
}

TEST_CASE("a command that gives no key says why") {
    CHECK(key_of("/nonexistent/pass x") ==
          "KEY_COMMAND: '/nonexistent/pass' cannot be run: No such file or directory");
    CHECK(key_of("true") == "KEY_COMMAND: 'true' printed no key");
    CHECK(key_of("echo") == "KEY_COMMAND: 'echo' printed no key");
    CHECK(key_of("sh -c 'echo secret; exit 3'") == "KEY_COMMAND: 'sh' failed with status 3");
    CHECK(key_of("sh -c 'echo secret; kill -9 $$'") == "KEY_COMMAND: 'sh' was ended by signal 9");
    CHECK(key_of("head -c 1024 /dev/zero") ==
          "KEY_COMMAND: 'head' printed a line longer than any key");
    CHECK(key_of("a 'b") == "KEY_COMMAND has a quote that is not closed");
}

TEST_CASE("a command that takes too long is ended") {
    const auto begin = std::chrono::steady_clock::now();
    CHECK(key_of("sleep 50", std::chrono::milliseconds{50}) ==
          "KEY_COMMAND: 'sleep' gave no key within 0 seconds");
    CHECK(key_of("yes", std::chrono::milliseconds{50}) ==
          "KEY_COMMAND: 'yes' gave no key within 0 seconds");
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{20});
}
