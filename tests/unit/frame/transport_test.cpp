// SPDX-License-Identifier: Apache-2.0
#include "frame/frames.hpp"
#include "support/result.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop;
using namespace fwknop::test;

namespace {

parsed parse_v4(std::uint8_t protocol, const octets& segment) {
    return parse(link_type::raw_ip, ipv4(protocol, segment));
}

octets with(octets segment, std::size_t offset, std::size_t value) {
    segment.at(offset) = static_cast<std::uint8_t>(value);
    return segment;
}

octets cut(const octets& segment, std::size_t size) {
    return {segment.begin(), segment.begin() + static_cast<std::ptrdiff_t>(size)};
}

} // namespace

TEST_CASE("UDP, TCP, ICMP and ICMPv6 carry a payload") {
    const auto [name, protocol, segment, from, to] =
        GENERATE(table<std::string, std::uint8_t, octets, std::uint16_t, std::uint16_t>({
            {"UDP", ip_protocol_udp, udp("hello"), source_port, destination_port},
            {"TCP", ip_protocol_tcp, tcp("hello"), source_port, destination_port},
            {"TCP with options", ip_protocol_tcp, tcp("hello", octets(12, 1)), source_port,
             destination_port},
            {"TCP, longest header", ip_protocol_tcp, tcp("hello", octets(40, 1)), source_port,
             destination_port},
            {"ICMP", ip_protocol_icmp, icmp("hello"), 0, 0},
            {"ICMPv6", ip_protocol_icmpv6, icmp("hello"), 0, 0},
        }));
    CAPTURE(name);
    const octets frame =
        protocol == ip_protocol_icmpv6 ? ipv6(protocol, segment) : ipv4(protocol, segment);
    const parsed made = parse(link_type::raw_ip, frame);
    REQUIRE(made.error == errc{});
    CHECK(made.packet.protocol == protocol);
    CHECK(made.packet.source_port == from);
    CHECK(made.packet.destination_port == to);
    CHECK(made.payload == "hello");
}

TEST_CASE("other transports are refused") {
    const std::uint8_t protocol = GENERATE(as<std::uint8_t>{}, 2, 4, 41, 47, 50, 51, 59, 132, 255);
    CAPTURE(static_cast<int>(protocol));
    CHECK(parse_v4(protocol, udp("hello")).error == errc::frame_transport_unknown);
    CHECK(parse(link_type::raw_ip, ipv6(protocol, udp("hello"))).error ==
          errc::frame_transport_unknown);
}

TEST_CASE("a transport header needs all its bytes") {
    const auto [protocol, segment, header] = GENERATE(table<std::uint8_t, octets, std::size_t>({
        {ip_protocol_udp, udp(""), 8},
        {ip_protocol_tcp, tcp(""), 20},
        {ip_protocol_icmp, icmp(""), 8},
        {ip_protocol_icmpv6, icmp(""), 8},
    }));
    CAPTURE(static_cast<int>(protocol));
    REQUIRE(segment.size() == header);
    for (std::size_t size = 0; size < header; ++size) {
        CAPTURE(size);
        CHECK(parse_v4(protocol, cut(segment, size)).error == errc::frame_transport_malformed);
    }
    CHECK(parse_v4(protocol, segment).error == errc::frame_empty);
}

TEST_CASE("one byte is a payload") {
    CHECK(parse_v4(ip_protocol_udp, udp("x")).payload == "x");
    CHECK(parse_v4(ip_protocol_tcp, tcp("x")).payload == "x");
    CHECK(parse_v4(ip_protocol_icmp, icmp("x")).payload == "x");
}

TEST_CASE("the UDP length may be shorter than the packet, never longer") {
    const auto segment = udp("hello");
    REQUIRE(segment.at(5) == 13);
    const auto [length, expected, payload] = GENERATE(table<std::size_t, errc, std::string>({
        {0, errc::frame_transport_malformed, ""},
        {7, errc::frame_transport_malformed, ""},
        {8, errc::frame_empty, ""},
        {9, errc{}, "h"},
        {12, errc{}, "hell"},
        {13, errc{}, "hello"},
        {14, errc::frame_transport_malformed, ""},
        {255, errc::frame_transport_malformed, ""},
    }));
    CAPTURE(length);
    const parsed made = parse_v4(ip_protocol_udp, with(segment, 5, length));
    CHECK(made.error == expected);
    CHECK(made.payload == payload);
}

TEST_CASE("the TCP header length lies between its least and the segment's end") {
    const auto segment = tcp("hello", octets(4, 1));
    REQUIRE(segment.size() == 29);
    const auto [words, expected, payload] = GENERATE(table<std::size_t, errc, std::string>({
        {0, errc::frame_transport_malformed, ""},
        {4, errc::frame_transport_malformed, ""},
        {5, errc{}, "\1\1\1\1hello"},
        {6, errc{}, "hello"},
        {7, errc{}, "o"},
        {8, errc::frame_transport_malformed, ""},
        {15, errc::frame_transport_malformed, ""},
    }));
    CAPTURE(words);
    const parsed made = parse_v4(ip_protocol_tcp, with(segment, 12, words << 4U));
    CHECK(made.error == expected);
    CHECK(made.payload == payload);
}

TEST_CASE("what a check sequence adds behind the packet is not payload") {
    const auto frame = ethernet(ethertype_ipv4, ipv4(ip_protocol_icmp, icmp("hello")));
    CHECK(parse(link_type::ethernet, join({frame, {1, 2, 3, 4}})).payload == "hello");
    // Padding up to Ethernet's least frame.
    CHECK(parse(link_type::ethernet, join({frame, octets(13, 0)})).payload == "hello");
}
