// SPDX-License-Identifier: Apache-2.0
#include "checked_string.hpp"
#include "client/request.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace fwknop;
using namespace fwknop::client;

namespace {

settings base() {
    settings from;
    from.destination = "198.51.100.1";
    from.access = "tcp/22";
    from.allow_source = allow_from::source;
    return from;
}

circumstances given() {
    return {*ip_address::parse("192.0.2.7"), "alice", 1'700'000'000, 12345};
}

checked<request> build(const std::function<void(settings&)>& change) {
    auto from = base();
    change(from);
    return build_request(from, given());
}

std::string refusal(const std::function<void(settings&)>& change) {
    const auto built = build(change);
    return built ? "accepted" : built.error().text;
}

} // namespace

TEST_CASE("a plain access request") {
    const auto built = build([](settings&) {});
    REQUIRE(built);
    CHECK(built->message.type == message_type::access);
    CHECK(built->message.text == "192.0.2.7,tcp/22");
    CHECK(built->message.user == "alice");
    CHECK(built->message.time == 1'700'000'000);
    CHECK(built->message.version == "3.0.0");
    CHECK_FALSE(built->message.nat_access);
    CHECK(built->announcement.empty());
}

TEST_CASE("types, messages and NAT fields") {
    struct row {
        std::function<void(settings&)> change;
        message_type type;
        std::string text;
        std::string nat; ///< "-" for none
    };
    const std::vector<row> rows{
        {[](auto& s) { s.access = "tcp/22,udp/53"; }, message_type::access,
         "192.0.2.7,tcp/22,udp/53", "-"},
        {[](auto& s) { s.timeout = 30; }, message_type::access_timeout, "192.0.2.7,tcp/22", "-"},
        {[](auto& s) { s.command = "id -u"; }, message_type::command, "192.0.2.7,id -u", "-"},
        {[](auto& s) { (s.command = "id"), (s.timeout = 30); }, message_type::command,
         "192.0.2.7,id", "-"},
        {[](auto& s) { s.nat_access = "10.0.0.5:80"; }, message_type::nat_access,
         "192.0.2.7,tcp/22", "10.0.0.5,80"},
        {[](auto& s) { s.nat_access = "10.0.0.5,80"; }, message_type::nat_access,
         "192.0.2.7,tcp/22", "10.0.0.5,80"},
        {[](auto& s) { s.nat_access = "10.0.0.5"; }, message_type::nat_access, "192.0.2.7,tcp/22",
         "10.0.0.5,22"},
        {[](auto& s) { s.nat_access = "some.host:65535"; }, message_type::nat_access,
         "192.0.2.7,tcp/22", "some.host,65535"},
        {[](auto& s) { s.nat_access = "[2001:db8::5]:80"; }, message_type::nat_access,
         "192.0.2.7,tcp/22", "2001:db8::5,80"},
        {[](auto& s) { s.nat_access = "2001:db8::5"; }, message_type::nat_access,
         "192.0.2.7,tcp/22", "2001:db8::5,22"},
        {[](auto& s) { (s.nat_access = "10.0.0.5:80"), (s.timeout = 1); },
         message_type::nat_access_timeout, "192.0.2.7,tcp/22", "10.0.0.5,80"},
        {[](auto& s) { s.nat_local = true; }, message_type::local_nat_access, "192.0.2.7,tcp/22",
         "198.51.100.1,22"},
        {[](auto& s) { (s.nat_local = true), (s.nat_port = 9000); }, message_type::local_nat_access,
         "192.0.2.7,tcp/9000", "198.51.100.1,22"},
        {[](auto& s) { (s.nat_local = true), (s.timeout = 65536); },
         message_type::local_nat_access_timeout, "192.0.2.7,tcp/22", "198.51.100.1,22"},
        {[](auto& s) { (s.nat_local = true), (s.nat_access = "10.0.0.5:80"); },
         message_type::local_nat_access, "192.0.2.7,tcp/22", "10.0.0.5,80"},
        {[](auto& s) { (s.nat_access = "10.0.0.5:80"), (s.nat_port = 9000); },
         message_type::nat_access, "192.0.2.7,tcp/9000", "10.0.0.5,80"},
        {[](auto& s) { s.nat_port = 9000; }, message_type::access, "192.0.2.7,tcp/9000", "-"},
    };
    for (const auto& [change, type, text, nat] : rows) {
        const auto built = build(change);
        INFO((built ? text : built.error().text));
        REQUIRE(built);
        CHECK(built->message.type == type);
        CHECK(built->message.text == text);
        CHECK(built->message.nat_access.value_or("-") == nat);
    }
}

TEST_CASE("a random port is announced") {
    const auto built =
        build([](auto& s) { (s.nat_access = "10.0.0.5:80"), (s.nat_random_port = true); });
    REQUIRE(built);
    CHECK(built->announcement ==
          "[+] Randomly assigned port '12345' on: '192.0.2.7,tcp/12345' will grant access to: "
          "'10.0.0.5,80'");
    CHECK(build([](auto& s) { s.nat_random_port = true; })->announcement.empty());
}

TEST_CASE("the time offset is added") {
    CHECK(build([](auto& s) { s.time_offset = -300; })->message.time == 1'699'999'700);
}

TEST_CASE("bad requests are refused") {
    constexpr auto format =
        "fwknop: fko_set_spa_message: Error 102 - Invalid SPA access message format";
    for (const auto* const access :
         {"TCP/22", "tcp22", "tcp/22, udp/53", "tcp/0", "tcp/65536", "icmp/1", ",", "tcp/22,"}) {
        INFO(access);
        CHECK(refusal([&](auto& s) { s.access = access; }).rfind(format, 0) == 0);
    }
    CHECK(refusal([](auto& s) { s.access = "tcp/65535"; }) == "accepted");
    CHECK(refusal([](auto& s) { (s.access = "tcp/1,tcp/2"), (s.nat_port = 9); }) ==
          "[*] NAT for multiple ports/protocols not yet supported.");
    for (const auto* const nat : {"h:0", "h:65536", "h:", "h:x", "a,b:33", "[::1]:0"})
        CHECK(refusal([&](auto& s) {
                  s.nat_access = nat;
              }).rfind("[*] Invalid port value in -N arg.", 0) == 0);
    for (const auto* const nat : {":22", "a/b:33", "a b:33", "[::1", "[::1]x9", ","})
        CHECK(refusal([&](auto& s) {
                  s.nat_access = nat;
              }).rfind(nat[0] == ',' ? "[*] Invalid port" : "[*] Invalid NAT destination", 0) == 0);
    CHECK(refusal([](auto& s) {
              (s.command = "id"), (s.nat_local = true);
          }).rfind("-C/--server-cmd cannot be combined", 0) == 0);
    CHECK(refusal([](auto& s) {
              (s.destination = ""), (s.nat_local = true);
          }).rfind("[*] Invalid NAT destination ''", 0) == 0);
}

TEST_CASE("192 bytes of message fit, 193 do not") {
    const std::string address = "192.0.2.7,";
    CHECK(refusal([&](auto& s) { s.command = std::string(192 - address.size(), 'x'); }) ==
          "accepted");
    CHECK(refusal([&](auto& s) {
              s.command = std::string(193 - address.size(), 'x');
          }).rfind("The request is too long: 193", 0) == 0);
}

TEST_CASE("what is missing is named in order") {
    const auto missing = [](const std::function<void(settings&)>& change) {
        auto from = base();
        change(from);
        const auto done = check_completeness(from);
        return done ? std::string{"complete"} : done.error().text;
    };
    CHECK(missing([](auto&) {}) == "complete");
    CHECK(missing([](auto& s) { s = {}; }) == "Must use --destination unless --test mode is used");
    CHECK(missing([](auto& s) { (s = {}), (s.test = true); }) ==
          "Must use one of [-s|-R|-a] to specify IP for SPA access.");
    CHECK(missing([](auto& s) { (s = {}), (s.destination = "h"); }) ==
          "Must use one of [-s|-R|-a] to specify IP for SPA access.");
    CHECK(missing([](auto& s) {
              s.access = "";
          }).find("-A/--access or -C/--server-cmd is missing") != std::string::npos);
    CHECK(missing([](auto& s) { (s.access = ""), (s.command = "id"); }) == "complete");
    CHECK(missing([](auto& s) { (s.allow_source = allow_from::nothing), (s.resolve = true); }) ==
          "complete");
    CHECK(missing([](auto& s) { s.http_proxy = "p"; }) ==
          "Cannot set --http-proxy with a non-HTTP protocol.");
    CHECK(missing([](auto& s) { (s.http_proxy = "p"), (s.protocol = carrier::http); }) ==
          "complete");
    CHECK(missing([](auto& s) { s.resolve = true; }) == "complete");
}

TEST_CASE("a spoofed source needs a raw carrier and a destination of its family") {
    const auto verdict = [](carrier protocol, const char* source, const char* destination,
                            family_choice family = family_choice::any) {
        auto from = base();
        from.protocol = protocol;
        from.spoof_source = *ip_address::parse(source);
        from.destination = destination;
        from.family = family;
        const auto done = check_completeness(from);
        return done ? std::string{"complete"} : done.error().text;
    };
    for (const auto raw : {carrier::udp_raw, carrier::tcp_raw, carrier::icmp}) {
        CHECK(verdict(raw, "192.0.2.9", "198.51.100.1") == "complete");
        CHECK(verdict(raw, "2001:db8::9", "[2001:db8::1]") == "complete");
        CHECK(verdict(raw, "192.0.2.9", "host.example") == "complete");
        CHECK(verdict(raw, "2001:db8::9", "host.example", family_choice::v6_only) == "complete");
        CHECK(verdict(raw, "192.0.2.9", "[2001:db8::1]") ==
              "-Q/--spoof-source 192.0.2.9 cannot send to 2001:db8::1: give two IPv4 addresses, or "
              "two IPv6 addresses");
        CHECK(verdict(raw, "2001:db8::9", "198.51.100.1").find("cannot send to") !=
              std::string::npos);
        CHECK(verdict(raw, "2001:db8::9", "host.example", family_choice::v4_only) ==
              "-Q/--spoof-source 2001:db8::9 does not go with -4: leave one of them out");
        CHECK(verdict(raw, "192.0.2.9", "host.example", family_choice::v6_only)
                  .find("does not go with -6") != std::string::npos);
    }
    for (const auto other : {carrier::udp, carrier::tcp, carrier::http})
        CHECK(verdict(other, "192.0.2.9", "198.51.100.1") ==
              "Must set -P <udpraw|tcpraw|icmp> with a spoofed source IP");
    CHECK(verdict(carrier::udp, "192.0.2.9", "") ==
          "Must use --destination unless --test mode is used");
}

TEST_CASE("option -s stands for :: only where the packet must travel over IPv6") {
    auto from = base();
    CHECK(source_placeholder(from).to_string() == "0.0.0.0");
    from.family = family_choice::v6_only;
    CHECK(source_placeholder(from).to_string() == "::");
    from.family = family_choice::any;
    for (const auto* const host : {"2001:db8::1", "[2001:db8::1]"}) {
        from.destination = host;
        CHECK(source_placeholder(from).to_string() == "::");
    }
    from.destination = "host.example";
    CHECK(source_placeholder(from).to_string() == "0.0.0.0");
}
