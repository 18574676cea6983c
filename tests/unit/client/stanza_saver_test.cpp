// SPDX-License-Identifier: Apache-2.0
#include "fake_world.hpp"

#include <catch2/catch.hpp>

using namespace fwknop;
using namespace fwknop::client;
using test::fake_world;

TEST_CASE("option --save-rc-stanza saves the command line and sends the packet") {
    fake_world world;
    world.home.write(".fwknoprc", "# mine\n[y]\nKEY z\n");
    REQUIRE(world.knock({"--save-rc-stanza", "-f", "30"}) == 0);
    CHECK(world.sent.size() == 1);
    CHECK(world.out.str().empty());
    const auto text = world.home.read(".fwknoprc");
    CHECK(text == "# mine\n[y]\nKEY z\n\n[h]\n"
                  "ACCESS                      tcp/22\n"
                  "ALLOW_IP                    192.0.2.7\n"
                  "SPA_SERVER                  h\n"
                  "FW_TIMEOUT                  30\n"
                  "KEY                         abc\n"
                  "HMAC_KEY                    def\n");
    CHECK(permission_warning(world.home.file(".fwknoprc")).empty());
    CHECK(world.run({"-n", "h"}) == 0);
    CHECK(world.opened(1).message.client_timeout == 30);
    CHECK(world.questions.empty());
}

TEST_CASE("a saved file is private, whatever it was before") {
    fake_world world;
    world.home.write(".fwknoprc", "");
    std::filesystem::permissions(world.home.file(".fwknoprc"), std::filesystem::perms::all);
    CHECK(world.knock({"--save-rc-stanza", "-n", "new"}) == 0);
    CHECK(std::filesystem::status(world.home.file(".fwknoprc")).permissions() ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("keys in a stanza are replaced after a yes, or with --force-stanza") {
    fake_world world;
    const std::string old = "[x]\nKEY old\nFW_TIMEOUT 5\n";
    world.home.write(".fwknoprc", old);
    CHECK(world.knock({"--save-rc-stanza", "-n", "x"}) == 0);
    CHECK(world.questions ==
          std::vector<std::string>{"Variable 'KEY' found in stanza 'x'. Overwrite [N/y] ? "});
    CHECK(world.home.read(".fwknoprc").find("[x]\nKEY old\nACCESS ") == 0);
    world.yes = true;
    CHECK(world.knock({"--save-rc-stanza", "-n", "x"}) == 0);
    CHECK(world.home.read(".fwknoprc").find("old") == std::string::npos);
    world.yes = false;
    world.questions.clear();
    world.home.write(".fwknoprc", old);
    CHECK(world.knock({"--save-rc-stanza", "-n", "x", "--force-stanza"}) == 0);
    CHECK(world.questions.empty());
    CHECK(world.home.read(".fwknoprc").find("old") == std::string::npos);
}

TEST_CASE("option --key-gen with --save-rc-stanza writes new keys and sends nothing") {
    fake_world world;
    world.home.write(".fwknoprc", "[x]\nKEY old\n");
    world.yes = true;
    CHECK(world.knock({"-k", "--save-rc-stanza", "-n", "x"}) == 0);
    CHECK(world.out.str() ==
          "[+] Wrote Rijndael and HMAC keys to rc file: " + world.home.file(".fwknoprc") + "\n");
    const auto text = world.home.read(".fwknoprc");
    CHECK(text.find("KEY_BASE64                  ") != std::string::npos);
    CHECK(text.find("HMAC_KEY_BASE64             ") != std::string::npos);
    CHECK(text.find("old") == std::string::npos);
    CHECK(text.find("abc") == std::string::npos);
    CHECK(world.sent.empty());
    CHECK(world.run({"-n", "x"}) == 0);
    CHECK(world.sent.size() == 1);
}

TEST_CASE("what cannot be saved changes no file and sends nothing") {
    fake_world world;
    const std::string before = "[x]\nKEY old\n";
    world.home.write(".fwknoprc", before);
    std::filesystem::create_directory(world.home.file(".fwknoprc.d"));
    world.home.write(".fwknoprc.d/a.conf", "[there]\nACCESS tcp/1\n");
    const std::vector<std::vector<std::string>> rows{{"-U", "a b"},
                                                     {"-A", "tcp/0"},
                                                     {"-D", "a]b"},
                                                     {"--key-rijndael", "a#b"},
                                                     {"-n", "there"},
                                                     {"-a", "host.example"},
                                                     {"-k", "-K", world.home.file("keys")},
                                                     {"--no-rc-file"}};
    for (auto words : rows) {
        INFO(words[0]);
        words.emplace_back("--save-rc-stanza");
        CHECK(world.knock(words) == 1);
        CHECK_FALSE(world.err.str().empty());
        CHECK(world.home.read(".fwknoprc") == before);
    }
    CHECK(world.run({"-k", "--save-rc-stanza"}) == 1);
    CHECK(world.err_has("use -n, or --destination"));
    CHECK(world.sent.empty());
}

TEST_CASE("the packet of a saved command line has the stanza's kept keys, not what it loses") {
    fake_world world;
    world.home.write(".fwknoprc", "[x]\nKEY abc\nHMAC_KEY def\nFW_TIMEOUT 5\n");
    REQUIRE(world.run({"-n", "x", "-A", "tcp/22", "-s", "-D", "h", "--save-rc-stanza"}) == 0);
    CHECK(world.opened().message.client_timeout == 0);
    CHECK(world.questions.empty());
    CHECK(world.home.read(".fwknoprc").find("FW_TIMEOUT") == std::string::npos);
    CHECK(world.run({"-n", "x"}) == 0);
}

TEST_CASE("a stanza's KEY_COMMAND gives the key, and is kept when the stanza is saved") {
    fake_world world;
    world.home.write(".fwknoprc", "[x]\nKEY_COMMAND pass show x\nHMAC_KEY def\n"
                                  "[bad]\nKEY_COMMAND other\n");
    const std::vector<std::string> rest{"-A", "tcp/22", "-s", "-D", "h"};
    std::vector<std::string> words{"-n", "x", "--save-rc-stanza"};
    words.insert(words.end(), rest.begin(), rest.end());
    CHECK(world.run(words) == 0);
    CHECK(world.opened().message.text == "0.0.0.0,tcp/22");
    CHECK(world.home.read(".fwknoprc").find("KEY_COMMAND pass show x\n") != std::string::npos);
    words = {"-n", "bad"};
    words.insert(words.end(), rest.begin(), rest.end());
    CHECK(world.run(words) == 1);
    CHECK(world.sent.size() == 1);
}
