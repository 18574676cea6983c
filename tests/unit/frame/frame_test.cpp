// SPDX-License-Identifier: Apache-2.0
//
// Whole frames: whatever is cut off, repaired or damaged in one, nothing outside it is read and no
// payload comes out that was not in it. Build with AddressSanitizer to see the first.

#include "core/frame/frame.hpp"
#include "frame/frames.hpp"
#include "support/result.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace fwknop;
using namespace fwknop::test;

namespace {

constexpr std::uint8_t hop_by_hop = 0;
constexpr std::uint8_t routing = 43;
constexpr std::uint8_t fragment = 44;
constexpr std::uint8_t destination_options = 60;
constexpr std::uint8_t ospf = 89;

constexpr std::string_view carried = "what is carried";

struct sample {
    std::string name;
    link_type link;
    octets frame;
    std::size_t ip_offset; ///< where the IP header begins
};

sample on_ethernet(const std::string& name, const octets& packet) {
    const bool is_v6 = packet.at(0) >> 4U == 6;
    return {name, link_type::ethernet, ethernet(is_v6 ? ethertype_ipv6 : ethertype_ipv4, packet),
            14};
}

// Every transport over both versions of IP, and every link layer once.
std::vector<sample> good_frames() {
    const octets four = ipv4(ip_protocol_udp, udp(carried));
    const octets extended = join({extension(routing), extension(destination_options, 24),
                                  extension(ip_protocol_udp, 16), udp(carried)});
    return {
        on_ethernet("UDP", four),
        on_ethernet("UDP, IPv4 options", ipv4(ip_protocol_udp, udp(carried), octets(12, 1))),
        on_ethernet("TCP", ipv4(ip_protocol_tcp, tcp(carried))),
        on_ethernet("TCP with options", ipv4(ip_protocol_tcp, tcp(carried, octets(12, 1)))),
        on_ethernet("ICMP", ipv4(ip_protocol_icmp, icmp(carried))),
        on_ethernet("UDP over IPv6", ipv6(ip_protocol_udp, udp(carried))),
        on_ethernet("UDP over IPv6, extended", ipv6(hop_by_hop, extended)),
        on_ethernet("TCP over IPv6", ipv6(ip_protocol_tcp, tcp(carried))),
        on_ethernet("ICMPv6", ipv6(ip_protocol_icmpv6, icmp(carried))),
        {"two VLAN tags", link_type::ethernet,
         ethernet(0x88a8, join({vlan_tag(0x8100), vlan_tag(ethertype_ipv4), four})), 22},
        {"PPPoE", link_type::ethernet,
         ethernet(0x8864, join({{0x11, 0}, u16(1), u16(2 + four.size()), u16(0x0021), four})), 22},
        {"cooked", link_type::linux_sll, linux_sll(ethertype_ipv4, four), 16},
        {"cooked 2", link_type::linux_sll2, linux_sll2(ethertype_ipv4, four), 20},
        {"raw", link_type::raw_ip, four, 0},
        {"loopback", link_type::null_loopback, join({{2, 0, 0, 0}, four}), 4},
    };
}

octets front(const octets& frame, std::size_t size) {
    return {frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)};
}

void put_u16(octets& frame, std::size_t offset, std::size_t value) {
    frame.at(offset) = static_cast<std::uint8_t>(value >> 8U);
    frame.at(offset + 1) = static_cast<std::uint8_t>(value);
}

// Makes the IP header's length what is left of a frame, so that only the inner layers can notice.
void repair_ip_length(octets& frame, std::size_t ip_offset) {
    const std::size_t packet = frame.size() - ip_offset;
    const bool is_v6 = frame.at(ip_offset) >> 4U == 6;
    put_u16(frame, ip_offset + (is_v6 ? 4 : 2), is_v6 ? packet - 40 : packet);
}

bool lies_inside(std::string_view part, const std::uint8_t* whole, std::size_t size) {
    const auto* begin = reinterpret_cast<const char*>(whole);
    const std::less_equal<> not_behind;
    return !part.empty() && part.size() <= size && not_behind(begin, part.data()) &&
           not_behind(part.data() + part.size(), begin + size);
}

} // namespace

TEST_CASE("every good frame gives what it carries") {
    for (const auto& [name, link, frame, ip_offset] : good_frames()) {
        CAPTURE(name);
        const parsed made = parse(link, frame);
        CHECK(made.error == errc{});
        CHECK(made.payload == carried);
    }
}

TEST_CASE("a frame cut anywhere before its packet's end is truncated") {
    for (const auto& [name, link, frame, ip_offset] : good_frames()) {
        for (std::size_t size = 0; size < frame.size(); ++size) {
            CAPTURE(name, size);
            const octets cut = front(frame, size);
            // Known to be longer on the wire, then with the wire's length lost.
            REQUIRE(parse(link, cut, frame.size() - size).error == errc::frame_truncated);
            REQUIRE(parse(link, cut).error == errc::frame_truncated);
        }
    }
}

TEST_CASE("a cut frame whose IP header agrees never gives more than is left") {
    for (const auto& [name, link, frame, ip_offset] : good_frames()) {
        const std::size_t header = frame.at(ip_offset) >> 4U == 6 ? 40 : 20;
        for (std::size_t size = ip_offset + header; size < frame.size(); ++size) {
            CAPTURE(name, size);
            octets cut = front(frame, size);
            repair_ip_length(cut, ip_offset);
            const parsed made = parse(link, cut);
            const std::size_t lost = frame.size() - size;
            if (made.error == errc{}) {
                // TCP and ICMP have no length of their own.
                REQUIRE(made.packet.protocol != ip_protocol_udp);
                REQUIRE(made.payload == carried.substr(0, carried.size() - lost));
            } else {
                const bool expected = made.error == errc::frame_ip_header_malformed ||
                                      made.error == errc::frame_transport_malformed ||
                                      (made.error == errc::frame_empty && lost == carried.size());
                if (!expected) FAIL(message_of(made.error));
            }
        }
    }
}

TEST_CASE("padding that was not captured is not missed") {
    for (const auto& [name, link, frame, ip_offset] : good_frames()) {
        CAPTURE(name);
        CHECK(parse(link, frame, 1).payload == carried);
        CHECK(parse(link, join({frame, {0x5a}}), 1000).payload == carried);
    }
}

TEST_CASE("a payload comes through byte for byte, up to the largest packet") {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
    CHECK(parse(link_type::raw_ip, ipv4(ip_protocol_udp, udp(all))).payload == all);

    const std::string over_ipv4(65535 - 20 - 8, 'x');
    CHECK(parse(link_type::raw_ip, ipv4(ip_protocol_udp, udp(over_ipv4))).payload == over_ipv4);
    const std::string over_ipv6(65535 - 8, 'x');
    CHECK(parse(link_type::raw_ip, ipv6(ip_protocol_udp, udp(over_ipv6))).payload == over_ipv6);
}

TEST_CASE("no damage makes a frame give what is not in it") {
    const octets four = ipv4(ip_protocol_udp, udp(carried));
    std::vector<sample> seeds = good_frames();
    // What damage alone would hardly ever make.
    seeds.push_back(on_ethernet("empty", ipv4(ip_protocol_udp, udp(""))));
    seeds.push_back(on_ethernet("other transport", ipv6(ospf, udp(carried))));
    seeds.push_back(
        on_ethernet("fragment", ipv6(fragment, join({extension(ip_protocol_udp), four}))));
    seeds.push_back({"ARP", link_type::ethernet, ethernet(0x0806, octets(28, 0)), 14});

    const std::set<errc> possible{errc{},
                                  errc::frame_truncated,
                                  errc::frame_not_ip,
                                  errc::frame_ip_header_malformed,
                                  errc::frame_fragment,
                                  errc::frame_transport_unknown,
                                  errc::frame_transport_malformed,
                                  errc::frame_empty};
    // What lengths, types and flags are likely to be compared with.
    constexpr std::uint8_t edges[] = {0,    1,    4,    5,    6,    7,    8,
                                      0x0f, 0x20, 0x40, 0x7f, 0x80, 0xfe, 0xff};

    std::mt19937 random{62201}; // the same numbers everywhere; the standard's distributions are not
    const auto below = [&random](std::size_t limit) { return random() % limit; };
    std::set<errc> met;
    for (int round = 0; round < 20000; ++round) {
        const sample& seed = seeds[below(seeds.size())];
        octets frame = seed.frame;
        for (std::size_t damage = 1 + below(4); damage > 0; --damage) {
            // Mostly in the headers: a payload's bytes decide nothing.
            const std::size_t at = below(std::min(frame.size(), seed.ip_offset + 64));
            switch (below(3)) {
            case 0:
                frame[at] = static_cast<std::uint8_t>(frame[at] ^ (1U << below(8)));
                break;
            case 1:
                frame[at] = edges[below(std::size(edges))];
                break;
            default:
                frame[at] = static_cast<std::uint8_t>(below(256));
            }
        }
        if (below(4) == 0) frame.resize(below(frame.size() + 1));

        const auto exact = std::make_unique<std::uint8_t[]>(frame.size());
        std::copy(frame.begin(), frame.end(), exact.get());
        const auto made =
            parse_frame(seed.link, {exact.get(), frame.size()}, frame.size() + below(2) * 40);
        met.insert(error_of(made));
        if (made && !lies_inside(made->payload, exact.get(), frame.size())) {
            FAIL(seed.name << ", round " << round << ": the payload is not in the frame");
        }
    }
    CHECK(met == possible);
}
