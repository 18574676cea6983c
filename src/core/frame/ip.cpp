// SPDX-License-Identifier: Apache-2.0
#include "core/frame/layers.hpp"

namespace fwknop::frame {

namespace {

constexpr std::size_t ipv4_min_header = 20;
constexpr std::size_t ipv6_header = 40;

// IPv6 extension headers that may stand before the transport header (RFC 8200).
constexpr std::uint8_t hop_by_hop = 0;
constexpr std::uint8_t routing = 43;
constexpr std::uint8_t fragment = 44;
constexpr std::uint8_t destination_options = 60;

/// Each may stand once, destination options twice.
constexpr int max_extension_headers = 5;

result<ip_packet> parse_ipv4(bytes packet) {
    constexpr std::uint16_t more_fragments_or_offset = 0x3fff;
    if (packet.size() < ipv4_min_header) return errc::frame_truncated;
    const std::size_t header = (packet[0] & 0x0fU) * std::size_t{4};
    const std::size_t total = read_u16(packet, 2);
    if (header < ipv4_min_header || total < header) return errc::frame_ip_header_malformed;
    if (packet.size() < total) return errc::frame_truncated;
    if ((read_u16(packet, 6) & more_fragments_or_offset) != 0) return errc::frame_fragment;

    ip_packet out;
    out.source = ip_address::v4(packet.subspan<12, 4>());
    out.destination = ip_address::v4(packet.subspan<16, 4>());
    out.protocol = packet[9];
    out.payload = packet.subspan(header, total - header);
    return out;
}

result<ip_packet> parse_ipv6(bytes packet) {
    if (packet.size() < ipv6_header) return errc::frame_truncated;
    const std::size_t payload_size = read_u16(packet, 4);
    if (packet.size() - ipv6_header < payload_size) return errc::frame_truncated;

    ip_packet out;
    out.source = ip_address::v6(packet.subspan<8, 16>());
    out.destination = ip_address::v6(packet.subspan<24, 16>());
    out.protocol = packet[6];
    out.payload = packet.subspan(ipv6_header, payload_size);
    for (int headers = 0;; ++headers) {
        if (out.protocol == fragment) return errc::frame_fragment;
        if (out.protocol != hop_by_hop && out.protocol != routing &&
            out.protocol != destination_options) {
            return out;
        }
        constexpr std::size_t smallest = 8;
        if (headers == max_extension_headers || out.payload.size() < smallest) {
            return errc::frame_ip_header_malformed;
        }
        const std::size_t size = smallest + out.payload[1] * std::size_t{8};
        if (out.payload.size() < size) return errc::frame_ip_header_malformed;
        out.protocol = out.payload[0];
        out.payload = out.payload.subspan(size);
    }
}

} // namespace

result<ip_packet> parse_ip(bytes packet) {
    if (packet.empty()) return errc::frame_truncated;
    switch (packet[0] >> 4U) {
    case 4:
        return parse_ipv4(packet);
    case 6:
        return parse_ipv6(packet);
    default:
        return errc::frame_ip_header_malformed;
    }
}

} // namespace fwknop::frame
