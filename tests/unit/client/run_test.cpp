// SPDX-License-Identifier: Apache-2.0
#include "fake_world.hpp"

#include <catch2/catch.hpp>

using namespace fwknop;
using namespace fwknop::client;
using test::fake_world;

TEST_CASE("what goes wrong ends with 1, on standard error, with nothing sent or written") {
    fake_world world;
    const std::vector<std::vector<std::string>> rows{{"--bogus"},
                                                     {"-f", "65537"},
                                                     {"-A", "tcp/0"},
                                                     {"-n", "nosuch"},
                                                     {"-R", "-s", "-Q", "1"},
                                                     {"--key-hmac", "abc"},
                                                     {"-M", "legacy"},
                                                     {"-U", "a:b"},
                                                     {"-N", "h:0"},
                                                     {"-C", std::string(190, 'x')}};
    for (auto words : rows) {
        INFO(words[0]);
        words.insert(words.end(), {"-B", world.home.file("packet")});
        CHECK(world.knock(words) == 1);
        CHECK_FALSE(world.err.str().empty());
    }
    CHECK(world.sent.empty());
    CHECK_FALSE(std::filesystem::exists(world.home.file("packet")));
}

TEST_CASE("a first run creates the rc file, once") {
    fake_world world;
    const auto said = "[*] Creating initial rc file: " + world.home.file(".fwknoprc") + ".\n";
    CHECK(world.knock({}) == 0);
    CHECK(world.out.str() == said);
    CHECK(world.knock({}) == 0);
    CHECK(world.out.str().empty());
    std::filesystem::remove(world.home.file(".fwknoprc"));
    CHECK(world.knock({"--no-rc-file"}) == 0);
    CHECK(world.run({"-V"}) == 0);
    CHECK_FALSE(std::filesystem::exists(world.home.file(".fwknoprc")));
}

TEST_CASE("a stanza says everything, options override it") {
    fake_world world;
    world.home.write(".fwknoprc", "[foo]\nSPA_SERVER server\nACCESS tcp/80\nALLOW_IP 192.0.2.1\n"
                                  "KEY abc\nHMAC_KEY def\nSPA_SERVER_PORT 1000\n");
    CHECK(world.run({"-n", "foo"}) == 0);
    CHECK(world.opened().message.text == "192.0.2.1,tcp/80");
    CHECK(world.sent[0].first.port == 1000);
    CHECK(world.run({"-n", "foo", "-p", "2000", "-A", "udp/53"}) == 0);
    CHECK(world.opened(1).message.text == "192.0.2.1,udp/53");
    CHECK(world.sent[1].first.port == 2000);
    CHECK(world.run({"--no-rc-file", "-n", "foo"}) == 1);
}

TEST_CASE("rc files that others can read draw a warning, .fwknoprc.d is merged") {
    fake_world world;
    world.home.write(".fwknoprc", "[default]\nFW_TIMEOUT 10\n");
    std::filesystem::create_directory(world.home.file(".fwknoprc.d"));
    world.home.write(".fwknoprc.d/x.conf", "[default]\nFW_TIMEOUT 20\n");
    std::filesystem::permissions(world.home.file(".fwknoprc"), std::filesystem::perms::others_read,
                                 std::filesystem::perm_options::add);
    CHECK(world.knock({}) == 0);
    CHECK(world.err_has("[-] file: " + world.home.file(".fwknoprc") + " permissions should only"));
    CHECK(world.opened().message.client_timeout == 20);
}

TEST_CASE("option --stanza-list") {
    fake_world world;
    world.home.write(".fwknoprc", "[default]\n[foo]\n[bar]\n");
    CHECK(world.run({"--stanza-list"}) == 0);
    CHECK(world.out.str() == "The following stanzas are configured in " +
                                 world.home.file(".fwknoprc") + " :\n - foo\n - bar\n");
}

TEST_CASE("option --key-gen prints two keys or writes them to a private file") {
    fake_world world;
    world.home.write(".fwknoprc", "");
    CHECK(world.run({"-k"}) == 0);
    CHECK(world.out.str().size() == 12 + 44 + 1 + 17 + 88 + 1);
    CHECK(world.out.str().rfind("KEY_BASE64: ", 0) == 0);
    CHECK(world.out_has("\nHMAC_KEY_BASE64: "));
    CHECK(world.run({"-k", "--key-len", "1", "--hmac-key-len", "1"}) == 0);
    CHECK(world.out.str().size() == 12 + 4 + 1 + 17 + 4 + 1);
    CHECK(world.run({"-k", "--hmac-digest-type", "md5"}) == 0);
    CHECK(world.out.str().size() == 12 + 44 + 1 + 17 + 24 + 1);
    const auto file = world.home.file("keys");
    CHECK(world.run({"-K", file}) == 0);
    CHECK(world.out.str() == "[+] Wrote Rijndael and HMAC keys to: " + file + "\n");
    CHECK(world.home.read("keys").size() == 12 + 44 + 1 + 17 + 88 + 1);
    CHECK(world.run({"-K", "/nonexistent/keys"}) == 1);
    CHECK(world.err_has("Unable to create key gen file: /nonexistent/keys: No such file"));
}

TEST_CASE("the last command line is kept without keys and can be run again") {
    fake_world world;
    world.home.write(".fwknoprc", "[default]\nKEY abc\nHMAC_KEY def\n");
    CHECK(world.knock({"-C", "echo a  b"}) == 0);
    CHECK(world.home.read(".fwknop.run") ==
          "fwknop -A tcp/22 -a 192.0.2.7 -D h -C \"echo a  b\"\n");
    CHECK(world.run({"-l"}) == 0);
    REQUIRE(world.sent.size() == 2);
    CHECK(world.opened(1).message.text == "192.0.2.7,echo a  b");
    CHECK(world.run({"--show-last"}) == 0);
    CHECK(world.out.str() == "Last fwknop client command line: fwknop -A tcp/22 -a 192.0.2.7 -D h "
                             "-C \"echo a  b\"\n");
    CHECK(world.knock({"-E", world.home.file("args")}) == 0);
    CHECK(world.home.read("args").find("tcp/22") != std::string::npos);
    std::filesystem::remove(world.home.file(".fwknop.run"));
    CHECK(world.knock({"--no-save-args"}) == 0);
    CHECK_FALSE(std::filesystem::exists(world.home.file(".fwknop.run")));
    CHECK(world.run({"-l"}) == 1);
    CHECK(world.run({"--show-last"}) == 1);
}

TEST_CASE("help and version") {
    fake_world world;
    CHECK(world.run({"-h"}) == 0);
    CHECK(world.out_has("Usage: fwknop"));
    CHECK(world.run({"-V"}) == 0);
    CHECK(world.out.str() == "fwknop client 3.0.0, FKO protocol version 3.0.0\n");
    CHECK(world.run({"--bogus"}) == 1);
    CHECK(world.out_has("Usage: fwknop"));
}

TEST_CASE("nothing at all: what is missing is named") {
    fake_world world;
    world.home.write(".fwknoprc", "");
    CHECK(world.run({}) == 1);
    CHECK(world.err.str() == "Must use --destination unless --test mode is used\n");
}
