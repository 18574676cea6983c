// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/http_transport.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop::client;

namespace {

route to(const std::string& host, const std::string& proxy = {}, const std::string& agent = "A") {
    route way{host, 62201, 0, carrier::http};
    way.http_proxy = proxy;
    way.user_agent = agent;
    return way;
}

std::string refusal(const std::string& proxy) {
    const auto read = parse_http_proxy(proxy);
    return read ? "accepted: " + read->host + " " + std::to_string(read->port) : read.error().text;
}

} // namespace

TEST_CASE("the packet is the path of a GET request") {
    const auto knock = make_http_knock(to("server.example"), "+a/b+/9");
    REQUIRE(knock);
    CHECK(knock->host == "server.example");
    CHECK(knock->port == 62201);
    CHECK(knock->text == "GET /-a_b-_9 HTTP/1.1\r\nUser-Agent: A\r\nAccept: */*\r\n"
                         "Host: server.example\r\nConnection: close\r\n\r\n");
}

TEST_CASE("a proxy gets the whole URL, and its own name as Host") {
    const auto knock = make_http_knock(to("server.example", "http://proxy:8080/"), "a+/b");
    REQUIRE(knock);
    CHECK(knock->host == "proxy");
    CHECK(knock->port == 8080);
    CHECK(knock->text == "GET http://server.example/a-_b HTTP/1.1\r\nUser-Agent: A\r\n"
                         "Accept: */*\r\nHost: proxy\r\nConnection: close\r\n\r\n");
    CHECK(make_http_knock(to("server.example", "proxy"), "x")->port == 62201);
}

TEST_CASE("IPv6 addresses stand in brackets") {
    for (const char* const host : {"2001:db8::5", "[2001:db8::5]"}) {
        const auto direct = make_http_knock(to(host), "x");
        REQUIRE(direct);
        CHECK(direct->text.find("\r\nHost: [2001:db8::5]\r\n") != std::string::npos);
        const auto proxied = make_http_knock(to(host, "[2001:db8::8]:3128"), "x");
        REQUIRE(proxied);
        CHECK(proxied->text.rfind("GET http://[2001:db8::5]/x ", 0) == 0);
        CHECK(proxied->text.find("\r\nHost: [2001:db8::8]\r\n") != std::string::npos);
        CHECK(proxied->host == "2001:db8::8");
        CHECK(proxied->port == 3128);
    }
}

TEST_CASE("the user agent is our own unless given, and never longer than others send it") {
    CHECK(user_agent_or_own("").rfind("Fwknop/", 0) == 0);
    CHECK(user_agent_or_own("Mozilla/5.0 (X11)") == "Mozilla/5.0 (X11)");
    CHECK(user_agent_or_own(std::string(300, 'x')) == std::string(99, 'x'));
}

TEST_CASE("a proxy is HOST[:PORT], also as a URL") {
    CHECK(refusal("") == "accepted:  0");
    CHECK(refusal("proxy") == "accepted: proxy 0");
    CHECK(refusal("proxy:1") == "accepted: proxy 1");
    CHECK(refusal("HTTP://proxy:65535/") == "accepted: proxy 65535");
    CHECK(refusal("http://192.0.2.1/") == "accepted: 192.0.2.1 0");
    CHECK(refusal("2001:db8::8") == "accepted: 2001:db8::8 0");
    CHECK(refusal("[2001:db8::8]") == "accepted: 2001:db8::8 0");
    for (const char* const port : {"0", "65536", "99999999999999999999"})
        CHECK(refusal(std::string{"proxy:"} + port) ==
              "[-] proxy port value is invalid, must be in [1-65535]");
    for (const char* const bad :
         {"proxy:x", ":80", "a b", "proxy/path", "http://", "[::1", "a\r\nb", "https://proxy:1/",
          "socks5://proxy", "user:secret@proxy:80"})
        CHECK(refusal(bad).rfind("Invalid HTTP proxy '" + std::string{bad} + "': ", 0) == 0);
}

TEST_CASE("a host cannot add to a request") {
    for (const char* const host : {"", "a\r\nX: y", "a b", "a/b", "u@h"})
        CHECK_FALSE(make_http_knock(to(host, "proxy:8080"), "x"));
}
