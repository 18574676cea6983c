// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"
#include "checked_string.hpp"
#include "client/files.hpp"
#include "client/run.hpp"
#include "temporary_folder.hpp"

#include <fwknop/packet.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <sstream>

using namespace fwknop;
using namespace fwknop::client;
using test::arguments;

namespace {

/// A world without network, terminal or clock; files go to a folder of the test's own.
struct fake_world {
    test::temporary_folder home;
    std::map<std::string, std::string, std::less<>> variables{{"HOME", home.path().string()}};
    std::ostringstream out;
    std::ostringstream err;
    std::vector<std::pair<route, std::string>> sent;
    std::optional<problem> send_fails;
    bool terminal = false;
    bool yes = false;
    std::vector<std::string> questions;

    int run(std::vector<std::string> words) {
        const arguments given{std::move(words)};
        out.str("");
        err.str("");
        surroundings world{
            .variable = [this](std::string_view name) -> std::optional<std::string> {
                const auto found = variables.find(name);
                return found == variables.end() ? std::nullopt : std::optional{found->second};
            },
            .now = [] { return std::int64_t{1'700'000'000}; },
            .account = "alice",
            .readers = {.file = [](const std::string& path) { return read_secret_file(path); },
                        .line = [](int) { return std::optional<secret_bytes>{}; },
                        .prompt = [](std::string_view) { return std::optional<secret_bytes>{}; },
                        .command = [](const std::string& command) -> checked<secret_bytes> {
                            if (command != "pass show x") return failure("KEY_COMMAND: no");
                            return secret_bytes::from_text("abc");
                        }},
            .send = [this](const route& way, std::string_view payload) -> checked<std::size_t> {
                if (send_fails) return *send_fails;
                sent.emplace_back(way, payload);
                return payload.size();
            },
            .resolve = [](const std::string& host,
                          family_choice) -> checked<std::vector<ip_address>> {
                if (host != "host.example") return failure("error in getaddrinfo: unknown");
                return std::vector{*ip_address::parse("2001:db8::7"),
                                   *ip_address::parse("192.0.2.7")};
            },
            .confirm =
                [this](std::string_view question) {
                    questions.emplace_back(question);
                    return yes;
                },
            .terminal = terminal,
            .out = out,
            .err = err};
        return client::run(given.argv(), world);
    }

    int knock(std::vector<std::string> more) {
        std::vector<std::string> words{"-A", "tcp/22",         "-a",  "192.0.2.7",  "-D",
                                       "h",  "--key-rijndael", "abc", "--key-hmac", "def"};
        words.insert(words.end(), more.begin(), more.end());
        return run(std::move(words));
    }

    opened_packet opened(std::size_t index = 0) {
        const auto hmac = hmac_key::make(digest_type::sha256, secret_bytes::from_text("def"));
        const encryption_key key{secret_bytes::from_text("abc"), encryption_mode::cbc};
        return *open_packet(*examine_payload(sent.at(index).second), key, &*hmac);
    }

    bool out_has(std::string_view text) const { return out.str().find(text) != std::string::npos; }
    bool err_has(std::string_view text) const { return err.str().find(text) != std::string::npos; }
};

} // namespace

TEST_CASE("a knock is sent, and nothing is said") {
    fake_world world;
    world.home.write(".fwknoprc", "");
    CHECK(world.knock({}) == 0);
    CHECK(world.out.str().empty());
    CHECK(world.err.str().empty());
    REQUIRE(world.sent.size() == 1);
    CHECK(world.sent[0].first.host == "h");
    CHECK(world.sent[0].first.port == 62201);
    const auto opened = world.opened();
    CHECK(opened.message.text == "192.0.2.7,tcp/22");
    CHECK(opened.message.user == "alice");
    CHECK(opened.message.time == 1'700'000'000);
}

TEST_CASE("option --test -v sends nothing and shows everything twice") {
    fake_world world;
    CHECK(world.knock({"-T", "-v"}) == 0);
    CHECK(world.sent.empty());
    const auto text = world.out.str();
    const auto first = text.find("SPA Field Values:\n=================\n");
    const auto route = text.find("\nGenerating SPA packet:\n            protocol: udp\n"
                                 "         source port: <OS assigned>\n"
                                 "    destination port: 62201\n             IP/host: h\n"
                                 "test mode enabled, SPA packet not actually sent.\n"
                                 "send_spa_packet: bytes sent: 0\n");
    const auto second = text.find("\nDump of the Decoded Data\nSPA Field Values:\n");
    CHECK(first < route);
    CHECK(route < second);
    CHECK(second != std::string::npos);
    CHECK(text.find("def") == std::string::npos);
}

TEST_CASE("option --test alone shows the fields once") {
    fake_world world;
    CHECK(world.knock({"-T"}) == 0);
    CHECK(world.out_has("Message String: 192.0.2.7,tcp/22\n"));
    CHECK(world.out_has("test mode enabled, SPA packet not actually sent.\n"));
    CHECK_FALSE(world.out_has("Dump of"));
    CHECK_FALSE(world.out_has("bytes sent"));
}

TEST_CASE("option -v says how many bytes went out") {
    fake_world world;
    CHECK(world.knock({"-v", "-S", "4000"}) == 0);
    CHECK(world.out_has("         source port: 4000\n"));
    CHECK(world.out_has(
        "send_spa_packet: bytes sent: " + std::to_string(world.sent.at(0).second.size()) + "\n"));
}

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

TEST_CASE("a packet that could not be sent is an error") {
    fake_world world;
    world.send_fails = failure("error in getaddrinfo: Name or service not known");
    CHECK(world.knock({}) == 1);
    CHECK(world.err_has("error in getaddrinfo: Name or service not known\n"
                        "send_spa_packet: packet not sent.\n"));
}

TEST_CASE("option -B writes the packet and a line feed, -b appends") {
    fake_world world;
    const auto file = world.home.file("packet");
    CHECK(world.knock({"-B", file}) == 0);
    CHECK(world.home.read("packet") == world.sent[0].second + "\n");
    CHECK(world.knock({"-B", file, "-b"}) == 0);
    CHECK(world.home.read("packet") == world.sent[0].second + "\n" + world.sent[1].second + "\n");
    CHECK(world.knock({"-B", file}) == 0);
    CHECK(world.home.read("packet") == world.sent[2].second + "\n");
    CHECK(world.knock({"-b"}) == 0);
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

TEST_CASE("a name after -a is resolved, and it is said to what") {
    fake_world world;
    CHECK(world.knock({"-a", "host.example"}) == 0);
    CHECK(world.err.str() == "[+] Allow IP: host.example is 192.0.2.7\n");
    CHECK(world.opened().message.text == "192.0.2.7,tcp/22");
    CHECK(world.knock({"-a", "other.example"}) == 1);
    CHECK(world.err_has("Invalid allow IP specified for SPA access"));
}

TEST_CASE("an IPv6 address can be asked for") {
    fake_world world;
    CHECK(world.knock({"-a", "2001:db8::7"}) == 0);
    CHECK(world.opened().message.text == "2001:db8::7,tcp/22");
    CHECK(world.knock({"-s", "-6"}) == 0);
    CHECK(world.opened(1).message.text == "::,tcp/22");
}

TEST_CASE("warnings") {
    fake_world world;
    world.home.write(".fwknoprc", "");
    SECTION("a packet too long for servers of the 2.6 line") {
        std::string many = "tcp/10001";
        for (int port = 10002; port < 10014; ++port) many += ",tcp/" + std::to_string(port);
        CHECK(world.knock({"-A", many}) == 0);
        CHECK(world.sent.at(0).second.size() >= 400);
        CHECK(world.err_has("servers of the 2.6 line refuse 400 and more"));
    }
    SECTION("keys on the command line, seen by a person") {
        world.terminal = true;
        CHECK(world.knock({}) == 0);
        CHECK(world.err_has("[-] WARNING: keys on the command line"));
    }
    SECTION("-s, when verbose") {
        CHECK(world.knock({"-s", "-v"}) == 0);
        CHECK(world.err_has("[-] WARNING: Should use -a or -R"));
    }
    SECTION("long legacy keys") {
        CHECK(world.run({"-A", "tcp/22", "-s", "-D", "h", "-M", "legacy", "--key-rijndael",
                         std::string(17, 'k')}) == 0);
        CHECK(world.err_has("WARNING: Encryption key in '-M legacy' mode must be <= 16 bytes"));
    }
}

TEST_CASE("random ports are in their range") {
    fake_world world;
    for (int round = 0; round < 20; ++round) {
        REQUIRE(world.knock({"-r", "--no-save-args"}) == 0);
        CHECK(world.sent.back().first.port >= 10000);
        CHECK(world.sent.back().first.port <= 65534);
    }
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
