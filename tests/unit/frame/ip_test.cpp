// SPDX-License-Identifier: Apache-2.0
#include "frame/frames.hpp"
#include "support/result.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace fwknop;
using namespace fwknop::test;

namespace {

constexpr std::uint8_t hop_by_hop = 0;
constexpr std::uint8_t routing = 43;
constexpr std::uint8_t fragment = 44;
constexpr std::uint8_t destination_options = 60;

parsed parse_raw(const octets& frame) {
    return parse(link_type::raw_ip, frame);
}

octets sample_v4() {
    return ipv4(ip_protocol_udp, udp("hello"));
}

octets with(octets frame, std::size_t offset, std::size_t value) {
    frame.at(offset) = static_cast<std::uint8_t>(value);
    return frame;
}

// `count` destination options headers of 8 bytes in front of a datagram.
octets chain(std::size_t count) {
    octets out = udp("hello");
    for (std::size_t i = 0; i < count; ++i) {
        out = join({extension(i == 0 ? ip_protocol_udp : destination_options), out});
    }
    return ipv6(count == 0 ? ip_protocol_udp : destination_options, out);
}

} // namespace

TEST_CASE("an IPv4 header gives addresses and protocol") {
    const parsed made = parse_raw(sample_v4());
    REQUIRE(made.error == errc{});
    CHECK(made.packet.source.to_string() == "192.0.2.7");
    CHECK(made.packet.destination.to_string() == "198.51.100.9");
    CHECK(made.packet.protocol == ip_protocol_udp);
    CHECK(made.payload == "hello");
}

TEST_CASE("IPv4 options are skipped, up to the longest header") {
    const std::size_t size = GENERATE(0U, 4U, 36U, 40U);
    CAPTURE(size);
    const parsed made = parse_raw(ipv4(ip_protocol_udp, udp("hello"), octets(size, 1)));
    CHECK(made.error == errc{});
    CHECK(made.payload == "hello");
}

TEST_CASE("an IPv4 header that cannot be is refused") {
    const auto [name, frame] = GENERATE(table<std::string, octets>({
        {"version 0", with(sample_v4(), 0, 0x05)},
        {"version 5", with(sample_v4(), 0, 0x55)},
        {"version 15", with(sample_v4(), 0, 0xf5)},
        {"header of 4 words", with(sample_v4(), 0, 0x44)},
        {"header of no word", with(sample_v4(), 0, 0x40)},
        {"total length zero", with(sample_v4(), 3, 0)},
        {"total length one less than the header", with(sample_v4(), 3, 19)},
        {"header longer than the total length", with(sample_v4(), 0, 0x49)},
    }));
    CAPTURE(name);
    CHECK(parse_raw(frame).error == errc::frame_ip_header_malformed);
}

TEST_CASE("the IPv4 total length is believed up to the end of the capture") {
    const auto frame = sample_v4();
    REQUIRE(frame.size() == 33);
    CHECK(parse_raw(with(frame, 3, 34)).error == errc::frame_truncated);
    CHECK(parse_raw(with(frame, 3, 33)).error == errc{});
    // A byte less, and the UDP length is beyond the packet.
    CHECK(parse_raw(with(frame, 3, 32)).error == errc::frame_transport_malformed);
    // The header alone is a packet, but nothing is in it.
    CHECK(parse_raw(with(frame, 3, 20)).error == errc::frame_transport_malformed);
}

TEST_CASE("an IPv4 header cut short is truncated whatever it says of itself") {
    const auto frame = sample_v4();
    for (std::size_t size = 1; size < 20; ++size) {
        CAPTURE(size);
        const octets cut{frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)};
        CHECK(parse_raw(size < 4 ? cut : with(cut, 3, size)).error == errc::frame_truncated);
    }
}

TEST_CASE("IPv4 fragments are dropped, first, middle and last") {
    const auto [name, high, low, expected] =
        GENERATE(table<std::string, std::size_t, std::size_t, errc>({
            {"no flag", 0x00, 0x00, errc{}},
            {"don't fragment", 0x40, 0x00, errc{}},
            {"reserved bit", 0x80, 0x00, errc{}},
            {"more to come", 0x20, 0x00, errc::frame_fragment},
            {"middle", 0x20, 0x0c, errc::frame_fragment},
            {"last, smallest offset", 0x00, 0x01, errc::frame_fragment},
            {"last, largest offset", 0x1f, 0xff, errc::frame_fragment},
            {"last, offset in the high byte only", 0x10, 0x00, errc::frame_fragment},
        }));
    CAPTURE(name);
    CHECK(parse_raw(with(with(sample_v4(), 6, high), 7, low)).error == expected);
}

TEST_CASE("an IPv6 header gives addresses and protocol") {
    const parsed made = parse_raw(ipv6(ip_protocol_udp, udp("hello")));
    REQUIRE(made.error == errc{});
    CHECK(made.packet.source.to_string() == "2001:db8::7");
    CHECK(made.packet.destination.to_string() == "2001:db8::9");
    CHECK(made.packet.protocol == ip_protocol_udp);
    CHECK(made.payload == "hello");
}

TEST_CASE("the IPv6 payload length is believed up to the end of the capture") {
    const auto frame = ipv6(ip_protocol_udp, udp("hello"));
    REQUIRE(frame.at(5) == 13);
    CHECK(parse_raw(with(frame, 5, 14)).error == errc::frame_truncated);
    CHECK(parse_raw(with(frame, 5, 13)).error == errc{});
    CHECK(parse_raw(with(frame, 5, 12)).error == errc::frame_transport_malformed);
    CHECK(parse_raw(with(frame, 5, 0)).error == errc::frame_transport_malformed);
}

TEST_CASE("IPv6 extension headers are skipped") {
    const auto [type, size] = GENERATE(table<std::uint8_t, std::size_t>({
        {hop_by_hop, 8},
        {routing, 24},
        {destination_options, 16},
        {destination_options, 2048},
    }));
    CAPTURE(static_cast<int>(type), size);
    const parsed made =
        parse_raw(ipv6(type, join({extension(ip_protocol_udp, size), udp("hello")})));
    CHECK(made.error == errc{});
    CHECK(made.packet.protocol == ip_protocol_udp);
    CHECK(made.payload == "hello");
}

TEST_CASE("the chain of IPv6 extension headers is bounded") {
    const auto [count, expected] = GENERATE(table<std::size_t, errc>({
        {0, errc{}},
        {1, errc{}},
        {5, errc{}},
        {6, errc::frame_ip_header_malformed},
        {1000, errc::frame_ip_header_malformed},
    }));
    CAPTURE(count);
    CHECK(parse_raw(chain(count)).error == expected);
}

TEST_CASE("an IPv6 extension header stays inside the payload length") {
    // One header of 16 bytes and nothing behind it, then a byte less than it says.
    const auto header = extension(ip_protocol_udp, 16);
    CHECK(parse_raw(ipv6(routing, header)).error == errc::frame_transport_malformed);
    const octets shorter{header.begin(), header.end() - 1};
    CHECK(parse_raw(ipv6(routing, shorter)).error == errc::frame_ip_header_malformed);

    const auto size = GENERATE(range(std::size_t{0}, std::size_t{8}));
    CAPTURE(size);
    CHECK(parse_raw(ipv6(hop_by_hop, octets(size, 0))).error == errc::frame_ip_header_malformed);
}

TEST_CASE("IPv6 fragments are dropped wherever their header stands, even a lone one") {
    const auto fragment_header = extension(ip_protocol_udp);
    CHECK(parse_raw(ipv6(fragment, join({fragment_header, udp("hello")}))).error ==
          errc::frame_fragment);
    CHECK(parse_raw(ipv6(hop_by_hop, join({extension(fragment), fragment_header, udp("hello")})))
              .error == errc::frame_fragment);
}
