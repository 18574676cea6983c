// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/address_query.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop::client;

namespace {

settings asking(const std::string& url, bool plain = false) {
    settings from;
    from.destination = "server.example";
    from.resolve_url = url;
    from.resolve_http_only = plain;
    return from;
}

address_query query(const settings& from) {
    const auto made = make_address_query(from);
    REQUIRE(made);
    return *made;
}

std::string refusal(const std::string& url, bool plain = false) {
    const auto made = make_address_query(asking(url, plain));
    return made ? "accepted" : made.error().text;
}

} // namespace

TEST_CASE("the built-in place is asked over HTTPS") {
    const auto made = query(asking(""));
    CHECK(made.url == "https://www.cipherdyne.org/cgi-bin/myip");
    CHECK(made.host == "www.cipherdyne.org");
    CHECK(made.port == 443);
    CHECK(made.target == "/cgi-bin/myip");
    CHECK(made.tls);
    CHECK(made.warning.empty());
    CHECK(made.user_agent.rfind("Fwknop/", 0) == 0);
    CHECK(made.family == family_choice::any);
}

TEST_CASE("a URL is taken apart") {
    CHECK(query(asking("https://a.example")).target == "/");
    CHECK(query(asking("https://a.example?x=1")).target == "/?x=1");
    const auto full = query(asking("HTTPS://a.example:8443/b/c?d=e&f#part"));
    CHECK(full.url == "https://a.example:8443/b/c?d=e&f");
    CHECK(full.host == "a.example");
    CHECK(full.port == 8443);
    CHECK(full.target == "/b/c?d=e&f");
    CHECK(query(asking("https://a.example:/x")).port == 443);
    const auto v6 = query(asking("https://[2001:db8::1]/x"));
    CHECK(v6.host == "2001:db8::1");
    CHECK(v6.url == "https://[2001:db8::1]/x");
}

TEST_CASE("plain HTTP takes --resolve-http-only, and a warning") {
    const auto plain = query(asking("http://a.example/x", true));
    CHECK_FALSE(plain.tls);
    CHECK(plain.port == 80);
    CHECK(plain.url == "http://a.example/x");
    CHECK(plain.warning.find("whoever is on the path") != std::string::npos);
    CHECK(query(asking("", true)).url == "http://www.cipherdyne.org/cgi-bin/myip");
    CHECK(query(asking("a.example:81/x", true)).url == "http://a.example:81/x");
    CHECK(refusal("https://a.example/", true)
              .rfind("[*] https is not supported for --resolve-http-only", 0) == 0);
}

TEST_CASE("without --resolve-http-only a plain URL is warned about and asked over HTTPS") {
    const auto upgraded = query(asking("http://a.example/x"));
    CHECK(upgraded.tls);
    CHECK(upgraded.port == 443);
    CHECK(upgraded.url == "https://a.example/x");
    CHECK(upgraded.warning.rfind("[-] Warning: IP resolution URL 'http://a.example/x' should begin "
                                 "with 'https://' in -R mode.",
                                 0) == 0);
    const auto bare = query(asking("a.example"));
    CHECK(bare.tls);
    CHECK(bare.url == "https://a.example/");
    CHECK_FALSE(bare.warning.empty());
}

TEST_CASE("what is no URL of a web server is refused") {
    for (const char* const url : {"https://", "https:///x", "https://a b/", "https://a/\r\nX: y",
                                  "https://a:x/", "https://[::1/", ":", "https://%00/"})
        CHECK(refusal(url).rfind("Invalid --resolve-url '" + std::string{url} + "': it ", 0) == 0);
    CHECK(refusal("ftp://a.example/x").find("only https") != std::string::npos);
    CHECK(refusal("file:///etc/hosts").find("only https") != std::string::npos);
    CHECK(refusal("https://u:p@a.example/").find("user name") != std::string::npos);
    CHECK(refusal("https://a:0/").find("[1-65535]") != std::string::npos);
    CHECK(refusal("https://a:65536/").find("[1-65535]") != std::string::npos);
}

TEST_CASE("the address asked for is of the family that the packet can travel in") {
    auto from = asking("");
    from.family = family_choice::v4_only;
    CHECK(query(from).family == family_choice::v4_only);
    from.family = family_choice::v6_only;
    CHECK(query(from).family == family_choice::v6_only);
    from.family = family_choice::any;
    from.destination = "[2001:db8::5]";
    CHECK(query(from).family == family_choice::v6_only);
}

TEST_CASE("the web server sees the user agent that was asked for") {
    auto from = asking("");
    from.user_agent = "mine";
    CHECK(query(from).user_agent == "mine");
    from.wget_user_agent = true;
    CHECK(query(from).user_agent.rfind("Wget/", 0) == 0);
}
