// SPDX-License-Identifier: Apache-2.0
#include "support/result.hpp"

#include <fwknop/message.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop;
using fwknop::test::error_of;

TEST_CASE("a timeout above zero chooses the timeout types, zero the plain ones") {
    using enum message_type;
    CHECK(with_timeout(access, 1) == access_timeout);
    CHECK(with_timeout(access_timeout, 0) == access);
    CHECK(with_timeout(nat_access, 9) == nat_access_timeout);
    CHECK(with_timeout(nat_access_timeout, 0) == nat_access);
    CHECK(with_timeout(local_nat_access, 9) == local_nat_access_timeout);
    CHECK(with_timeout(local_nat_access_timeout, 0) == local_nat_access);
    CHECK(with_timeout(command, 9) == command);
}

TEST_CASE("message types are called as the programs print them") {
    CHECK(name_of(message_type::command) == "Command msg");
    CHECK(name_of(message_type::access) == "Access msg");
    CHECK(name_of(message_type::nat_access) == "NAT access msg");
    CHECK(name_of(message_type::access_timeout) == "Client timeout access msg");
    CHECK(name_of(message_type::nat_access_timeout) == "Client timeout NAT access msg");
    CHECK(name_of(message_type::local_nat_access) == "Local NAT access msg");
    CHECK(name_of(message_type::local_nat_access_timeout) == "Client timeout local NAT access msg");
}

TEST_CASE("access messages") {
    const auto request = parse_access_message("192.0.2.7,tcp/22,udp/53,tcp/065");
    REQUIRE(request);
    CHECK(request->allow.to_string() == "192.0.2.7");
    CHECK(request->services ==
          std::vector<service>{{protocol::tcp, 22}, {protocol::udp, 53}, {protocol::tcp, 65}});
    CHECK(to_string(request->services[1]) == "udp/53");

    const auto v6 = parse_access_message("2001:db8::7,tcp/22");
    REQUIRE(v6);
    CHECK(v6->allow.is_v6());
    CHECK(parse_access_message("0.0.0.0,tcp/1")->allow.is_unspecified());
    CHECK(parse_access_message("::,tcp/65535")->allow.is_unspecified());

    struct row {
        const char* text;
        errc error;
    };
    const row rows[] = {
        {"", errc::allow_address_malformed},
        {",tcp/22", errc::allow_address_malformed},
        {"host,tcp/22", errc::allow_address_malformed},
        {"192.0.2.256,tcp/22", errc::allow_address_malformed},
        {"192.0.2.07,tcp/22", errc::allow_address_malformed}, // octal to some
        {"[2001:db8::7],tcp/22", errc::allow_address_malformed},
        {"fe80::1%eth0,tcp/22", errc::allow_address_malformed},
        {"192.0.2.7", errc::access_list_malformed},
        {"192.0.2.7,", errc::access_list_malformed},
        {"192.0.2.7,tcp", errc::access_list_malformed},
        {"192.0.2.7,/22", errc::access_list_malformed},
        {"192.0.2.7,tcp/", errc::access_list_malformed},
        {"192.0.2.7,tcp/22,", errc::access_list_malformed},
        {"192.0.2.7,tcp/22,,udp/1", errc::access_list_malformed},
        {"192.0.2.7,tcp/22x", errc::access_list_malformed},
        {"192.0.2.7,tcp/+2", errc::access_list_malformed},
        {"192.0.2.7,tcp/22 ", errc::access_list_malformed},
        {"192.0.2.7,TCP/22", errc::protocol_unsupported},
        {"192.0.2.7,icmp/8", errc::protocol_unsupported},
        {"192.0.2.7,none/0", errc::protocol_unsupported},
        {"192.0.2.7,tcp/0", errc::port_out_of_range},
        {"192.0.2.7,tcp/65535", errc{}},
        {"192.0.2.7,tcp/65536", errc::port_out_of_range},
        {"192.0.2.7,tcp/000022", errc::port_out_of_range},
        {"192.0.2.7,tcp/99999999999", errc::port_out_of_range},
    };
    for (const auto& each : rows) {
        CAPTURE(each.text);
        CHECK(error_of(parse_access_message(each.text)) == each.error);
    }
}

TEST_CASE("command messages") {
    const auto request = parse_command_message("192.0.2.7,/bin/echo a, b");
    REQUIRE(request);
    CHECK(request->command == "/bin/echo a, b");
    CHECK(error_of(parse_command_message("192.0.2.7,")) == errc::command_empty);
    CHECK(error_of(parse_command_message("192.0.2.7")) == errc::command_empty);
    CHECK(error_of(parse_command_message("x,ls")) == errc::allow_address_malformed);
    CHECK(error_of(parse_command_message("192.0.2.7," + std::string(182, 'x'))) == errc{});
    CHECK(error_of(parse_command_message("192.0.2.7," + std::string(183, 'x'))) ==
          errc::message_too_long);
}

TEST_CASE("NAT access") {
    const auto target = parse_nat_access("10.0.0.5,22");
    REQUIRE(target);
    CHECK(target->host == "10.0.0.5");
    CHECK(target->port == 22);
    CHECK(parse_nat_access("2001:db8::1,443")->host == "2001:db8::1");
    CHECK(parse_nat_access("inner.example,1")->host == "inner.example");

    const std::string host70(70, 'h');
    struct row {
        std::string text;
        errc error;
    };
    const row rows[] = {
        {"", errc::nat_access_malformed},
        {"10.0.0.5", errc::nat_access_malformed},
        {",22", errc::nat_access_malformed},
        {"10.0.0.5,", errc::nat_access_malformed},
        {"10.0.0.5,22,23", errc::nat_access_malformed},
        {"10.0.0.5,ssh", errc::nat_access_malformed},
        {"10.0.0.5,0", errc::port_out_of_range},
        {"10.0.0.5,65535", errc{}},
        {"10.0.0.5,65536", errc::port_out_of_range},
        {host70 + ",1", errc{}},
        {host70 + "h,1", errc::nat_access_malformed},
        {std::string(128, 'h'), errc::nat_access_too_long},
        {"a b,1", errc::nat_access_malformed},
        {"a/b,1", errc::nat_access_malformed},
        {"a?b,1", errc::nat_access_malformed},
        {"a\"b,1", errc::nat_access_malformed},
        {"a'b,1", errc::nat_access_malformed},
        {"a\\b,1", errc::nat_access_malformed},
        {"a\nb,1", errc::nat_access_malformed},
    };
    for (const auto& each : rows) {
        CAPTURE(each.text);
        CHECK(error_of(parse_nat_access(each.text)) == each.error);
    }
}

TEST_CASE("user names") {
    CHECK(error_of(check_user_name("alice")) == errc{});
    CHECK(error_of(check_user_name("a b~!@#$%^&()_-{}.'")) == errc{});
    CHECK(error_of(check_user_name("")) == errc::user_name_malformed);
    CHECK(error_of(check_user_name(std::string(48, 'u'))) == errc{});
    CHECK(error_of(check_user_name(std::string(49, 'u'))) == errc::user_name_too_long);
    for (const char c : std::string{"\"/\\[]:;|=,+*?<>\t\x7f\x80"}) {
        CAPTURE(static_cast<int>(c));
        CHECK(error_of(check_user_name(std::string{"a"} + c)) == errc::user_name_malformed);
    }
}
