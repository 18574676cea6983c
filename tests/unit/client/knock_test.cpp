// SPDX-License-Identifier: Apache-2.0
#include "fake_world.hpp"

#include <catch2/catch.hpp>

using namespace fwknop;
using namespace fwknop::client;
using test::fake_world;

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

TEST_CASE("a raw packet's source port is chosen here, and printed") {
    fake_world world;
    for (const auto* const protocol : {"udpraw", "tcpraw", "icmp"}) {
        world.sent.clear();
        CHECK(world.knock({"-P", protocol, "-v", "-Q", "192.0.2.9"}) == 0);
        REQUIRE(world.sent.size() == 1);
        const auto& way = world.sent[0].first;
        CHECK(name_of(way.protocol) == std::string{protocol});
        CHECK(way.spoof_source == ip_address::parse("192.0.2.9").value());
        CHECK(way.source_port >= 10000);
        CHECK(way.source_port <= 65534);
        CHECK(world.out_has("         source port: " + std::to_string(way.source_port) + "\n"));
        CHECK(world.knock({"-P", protocol, "-S", "53"}) == 0);
        CHECK(world.sent.at(1).first.source_port == 53);
    }
    CHECK(world.knock({"-P", "udp"}) == 0);
    CHECK(world.sent.back().first.source_port == 0);
}

TEST_CASE("option --wait ends when the port is open") {
    fake_world world;
    CHECK(world.knock({"--wait", "-A", "udp/53,tcp/2222,tcp/22", "-v"}) == 0);
    REQUIRE(world.waited.size() == 1);
    CHECK(world.waited[0].first.host == "h");
    CHECK(world.waited[0].first.port == 2222);
    CHECK(world.waited[0].second == std::chrono::milliseconds{2500});
    CHECK(world.sent.size() == 1);
    CHECK(world.out_has("tcp/2222 of h is open after 7 ms\n"));
}

TEST_CASE("option --wait knocks once more half-way, with another packet") {
    fake_world world;
    world.opens_at = 2;
    CHECK(world.knock({"--wait=9", "-v", "--nat-port", "8022", "-N", "10.0.0.5:22"}) == 0);
    REQUIRE(world.waited.size() == 2);
    CHECK(world.waited[1].first.port == 8022);
    REQUIRE(world.sent.size() == 2);
    CHECK(world.sent[0].second != world.sent[1].second);
    CHECK(world.opened(0).message.text == world.opened(1).message.text);
    CHECK(world.opened(0).message.random_value != world.opened(1).message.random_value);
    CHECK(world.out_has("tcp/8022 of h is open after 4507 ms\n"));
}

TEST_CASE("option --wait ends with status 2 when the port stays shut") {
    fake_world world;
    world.opens_at = 0;
    CHECK(world.knock({"--wait"}) == 2);
    CHECK(world.waited.size() == 2);
    CHECK(world.sent.size() == 2);
    CHECK(world.err_has("tcp/22 of h is still shut after 5 s\n"));
}

TEST_CASE("option --wait needs something to connect to, and does nothing in a test") {
    fake_world world;
    CHECK(world.knock({"--wait", "-A", "udp/53"}) == 1);
    CHECK(world.err_has("--wait needs a TCP port to connect to"));
    CHECK(world.knock({"--wait", "-C", "id"}) == 1);
    CHECK(world.sent.empty());
    CHECK(world.knock({"--wait", "-T"}) == 0);
    CHECK(world.waited.empty());
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

TEST_CASE("option -R opens for the address that a web server sees") {
    fake_world world;
    world.answer = ip_address::parse("203.0.113.9").value();
    const std::vector<std::string> words{"-A", "tcp/22",         "-R",  "-D",         "h",
                                         "-v", "--key-rijndael", "abc", "--key-hmac", "def"};
    CHECK(world.run(words) == 0);
    REQUIRE(world.asked.size() == 1);
    CHECK(world.asked[0].url == "https://www.cipherdyne.org/cgi-bin/myip");
    CHECK(world.opened().message.text == "203.0.113.9,tcp/22");
    CHECK(world.out_has("\n[+] Resolved external IP (via "
                        "https://www.cipherdyne.org/cgi-bin/myip) as: 203.0.113.9\n"));
    CHECK(world.err.str().empty());

    auto quiet = words;
    quiet.erase(quiet.begin() + 5);
    CHECK(world.run(quiet) == 0);
    CHECK_FALSE(world.out_has("Resolved"));
}

TEST_CASE("an address that cannot be found out sends nothing") {
    fake_world world;
    CHECK(world.run({"-A", "tcp/22", "--resolve-url", "http://a/", "-D", "h", "--key-rijndael",
                     "abc"}) == 1);
    CHECK(world.sent.empty());
    CHECK(world.err_has("[-] Warning: IP resolution URL 'http://a/' should begin with"));
    CHECK(world.err_has("[-] Could not resolve IP via: 'https://a/'\n"));
    CHECK(world.run({"-A", "tcp/22", "--resolve-url", "ftp://a/", "-D", "h", "--key-rijndael",
                     "abc"}) == 1);
    CHECK(world.asked.size() == 1);
    CHECK(world.err_has("Invalid --resolve-url 'ftp://a/'"));
}

TEST_CASE("options -a and -s win over -R") {
    fake_world world;
    CHECK(world.knock({"-R", "--resolve-url", "ftp://a/"}) == 0);
    CHECK(world.opened().message.text == "192.0.2.7,tcp/22");
    CHECK(world.knock({"-s", "-R"}) == 0);
    CHECK(world.opened(1).message.text == "0.0.0.0,tcp/22");
    CHECK(world.asked.empty());
}

TEST_CASE("an HTTP proxy implies HTTP, and allows nothing else") {
    fake_world world;
    CHECK(world.knock({"-P", "udp", "-H", "proxy:8080", "-u", "me"}) == 0);
    CHECK(world.sent.at(0).first.protocol == carrier::http);
    CHECK(world.sent[0].first.http_proxy == "proxy:8080");
    CHECK(world.sent[0].first.user_agent == "me");
    CHECK(world.knock({"-H", "proxy:8080", "-P", "tcp"}) == 1);
    CHECK(world.err_has("Cannot set --http-proxy with a non-HTTP protocol."));
    CHECK(world.knock({"-H", "proxy:0"}) == 1);
    CHECK(world.knock({"-u", "a\r\nX: y"}) == 1);
    CHECK(world.sent.size() == 1);
}

TEST_CASE("option --test -v shows the HTTP request that is not sent") {
    fake_world world;
    CHECK(world.knock({"-T", "-v", "-P", "http", "-u", "me"}) == 0);
    CHECK(world.sent.empty());
    CHECK(world.out_has(" HTTP/1.1\r\nUser-Agent: me\r\nAccept: */*\r\nHost: h\r\n"
                        "Connection: close\r\n\r\n\ntest mode enabled"));
    CHECK(world.knock({"-T", "-H", "proxy", "-D", "a b"}) == 1);
    CHECK(world.err_has("'a b' cannot be the server of an HTTP request"));
}
