// SPDX-License-Identifier: Apache-2.0
#include "frame/frames.hpp"
#include "support/result.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <tuple>

using namespace fwknop;
using namespace fwknop::test;

namespace {

const octets packet = ipv4(ip_protocol_udp, udp("hello"));

octets pppoe(const octets& protocol, const octets& carried) {
    const std::size_t length = protocol.size() + carried.size();
    return join({{0x11, 0}, u16(1), u16(length), protocol, carried});
}

octets tagged(int tags, std::uint16_t tag_type, const octets& carried) {
    octets out = carried;
    for (int i = 0; i < tags; ++i) out = join({vlan_tag(i == 0 ? ethertype_ipv4 : tag_type), out});
    return ethernet(tags == 0 ? ethertype_ipv4 : tag_type, out);
}

} // namespace

TEST_CASE("libpcap's numbers tell the link type") {
    const auto [number, expected] = GENERATE(table<int, link_type>({
        {0, link_type::null_loopback},
        {1, link_type::ethernet},
        {12, link_type::raw_ip},
        {14, link_type::raw_ip},
        {101, link_type::raw_ip},
        {108, link_type::null_loopback},
        {113, link_type::linux_sll},
        {228, link_type::raw_ip},
        {229, link_type::raw_ip},
        {276, link_type::linux_sll2},
    }));
    CAPTURE(number);
    const auto link = link_type_of(number);
    REQUIRE(link.has_value());
    CHECK(*link == expected);
}

TEST_CASE("a link layer that nobody taught us is refused") {
    const int number = GENERATE(-1, 2, 105 /* 802.11 */, 127 /* radiotap */, 277, 65536);
    CAPTURE(number);
    CHECK(error_of(link_type_of(number)) == errc::frame_link_type_unknown);
    CHECK(parse(static_cast<link_type>(200), packet).error == errc::frame_link_type_unknown);
}

TEST_CASE("every link header leads to the same packet") {
    const auto six = ipv6(ip_protocol_udp, udp("hello"));
    const auto [name, link, frame] = GENERATE_COPY(table<std::string, link_type, octets>({
        {"ethernet", link_type::ethernet, ethernet(ethertype_ipv4, packet)},
        {"ethernet, IPv6", link_type::ethernet, ethernet(ethertype_ipv6, six)},
        {"802.1Q", link_type::ethernet, tagged(1, 0x8100, packet)},
        {"802.1ad", link_type::ethernet, tagged(2, 0x88a8, packet)},
        {"old QinQ", link_type::ethernet, tagged(2, 0x9100, packet)},
        {"four tags", link_type::ethernet, tagged(4, 0x8100, packet)},
        {"PPPoE", link_type::ethernet, ethernet(0x8864, pppoe(u16(0x0021), packet))},
        {"PPPoE, compressed", link_type::ethernet, ethernet(0x8864, pppoe({0x21}, packet))},
        {"PPPoE, IPv6", link_type::ethernet, ethernet(0x8864, pppoe(u16(0x0057), six))},
        {"PPPoE, IPv6, compressed", link_type::ethernet, ethernet(0x8864, pppoe({0x57}, six))},
        {"PPPoE in a VLAN", link_type::ethernet,
         ethernet(0x8100, join({vlan_tag(0x8864), pppoe(u16(0x0021), packet)}))},
        {"cooked", link_type::linux_sll, linux_sll(ethertype_ipv4, packet)},
        {"cooked, VLAN", link_type::linux_sll,
         linux_sll(0x8100, join({vlan_tag(ethertype_ipv4), packet}))},
        {"cooked 2", link_type::linux_sll2, linux_sll2(ethertype_ipv4, packet)},
        {"cooked 2, IPv6", link_type::linux_sll2, linux_sll2(ethertype_ipv6, six)},
        {"cooked 2, VLAN", link_type::linux_sll2,
         linux_sll2(0x8100, join({vlan_tag(ethertype_ipv4), packet}))},
        {"cooked, IPv6", link_type::linux_sll, linux_sll(ethertype_ipv6, six)},
        {"cooked, PPPoE", link_type::linux_sll, linux_sll(0x8864, pppoe(u16(0x0021), packet))},
        {"PPPoE in QinQ", link_type::ethernet,
         ethernet(0x88a8, join({vlan_tag(0x8100), vlan_tag(0x8864), pppoe(u16(0x0021), packet)}))},
        {"raw", link_type::raw_ip, packet},
        {"raw, IPv6", link_type::raw_ip, six},
        {"loopback", link_type::null_loopback, join({{2, 0, 0, 0}, packet})},
        {"loopback, other byte order", link_type::null_loopback, join({{0, 0, 0, 2}, packet})},
        {"loopback, IPv6", link_type::null_loopback, join({{0, 0, 0, 24}, six})},
    }));
    CAPTURE(name);

    const parsed whole = parse(link, frame);
    CHECK(whole.error == errc{});
    CHECK(whole.payload == "hello");
    CHECK(whole.packet.destination_port == destination_port);

    // A check sequence or padding behind the packet is not ours.
    const parsed longer = parse(link, join({frame, octets(4, 0x5a)}));
    CHECK(longer.error == errc{});
    CHECK(longer.payload == "hello");

    // However short it is cut, nothing is read past the end and nothing comes out.
    for (std::size_t size = 0; size < frame.size(); ++size) {
        CAPTURE(size);
        const octets cut{frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)};
        const errc snapped = parse(link, cut, frame.size() - size).error;
        const errc lying = parse(link, cut).error;
        if (snapped != errc::frame_truncated) CHECK(snapped == errc::frame_truncated);
        if (lying != errc::frame_truncated) CHECK(lying == errc::frame_truncated);
    }
}

TEST_CASE("what is not IP is told apart from what is broken") {
    const auto [name, frame] = GENERATE(table<std::string, octets>({
        {"ARP", ethernet(0x0806, octets(28, 0))},
        {"LLDP", ethernet(0x88cc, octets(46, 0))},
        {"802.3 length", ethernet(0x0026, octets(38, 0x42))},
        {"PPPoE discovery", ethernet(0x8863, pppoe({}, octets(20, 0)))},
        {"ARP in a VLAN", ethernet(0x8100, join({vlan_tag(0x0806), octets(28, 0)}))},
        {"one tag too many", tagged(5, 0x8100, packet)},
        {"PPP, link control", ethernet(0x8864, pppoe(u16(0xc021), packet))},
        {"PPP, other one-byte protocol", ethernet(0x8864, pppoe({0x2d}, packet))},
        {"PPP, first byte even, not zero", ethernet(0x8864, pppoe(u16(0x0221), packet))},
        {"PPPoE of another version",
         ethernet(0x8864, join({{0x21, 0}, u16(1), u16(35), u16(0x0021), packet}))},
        {"PPPoE with a code",
         ethernet(0x8864, join({{0x11, 7}, u16(1), u16(35), u16(0x0021), packet}))},
    }));
    CAPTURE(name);
    CHECK(parse(link_type::ethernet, frame).error == errc::frame_not_ip);
}

TEST_CASE("a capture longer than its wire is refused") {
    const auto frame = ethernet(ethertype_ipv4, packet);
    CHECK(error_of(parse_frame(link_type::ethernet, frame, frame.size())) == errc{});
    CHECK(error_of(parse_frame(link_type::ethernet, frame, frame.size() - 1)) ==
          errc::frame_truncated);
}
