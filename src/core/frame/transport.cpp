// SPDX-License-Identifier: Apache-2.0
#include "core/frame/layers.hpp"

namespace fwknop::frame {

namespace {

constexpr std::size_t udp_header = 8;
constexpr std::size_t tcp_min_header = 20;
constexpr std::size_t icmp_header = 8;

void set_ports(bytes header, datagram& out) noexcept {
    out.source_port = read_u16(header, 0);
    out.destination_port = read_u16(header, 2);
}

result<bytes> strip_udp(bytes segment, datagram& out) {
    if (segment.size() < udp_header) return errc::frame_transport_malformed;
    const std::size_t length = read_u16(segment, 4);
    if (length < udp_header || length > segment.size()) return errc::frame_transport_malformed;
    set_ports(segment, out);
    return segment.subspan(udp_header, length - udp_header);
}

result<bytes> strip_tcp(bytes segment, datagram& out) {
    if (segment.size() < tcp_min_header) return errc::frame_transport_malformed;
    const std::size_t header = (segment[12] >> 4U) * std::size_t{4};
    if (header < tcp_min_header || header > segment.size()) return errc::frame_transport_malformed;
    set_ports(segment, out);
    return segment.subspan(header);
}

result<bytes> strip_icmp(bytes segment) {
    if (segment.size() < icmp_header) return errc::frame_transport_malformed;
    return segment.subspan(icmp_header);
}

result<bytes> strip_transport(const ip_packet& packet, datagram& out) {
    switch (packet.protocol) {
    case ip_protocol_udp:
        return strip_udp(packet.payload, out);
    case ip_protocol_tcp:
        return strip_tcp(packet.payload, out);
    case ip_protocol_icmp:
    case ip_protocol_icmpv6:
        return strip_icmp(packet.payload);
    default:
        return errc::frame_transport_unknown;
    }
}

} // namespace

result<datagram> parse_transport(const ip_packet& packet) {
    datagram out;
    out.source = packet.source;
    out.destination = packet.destination;
    out.protocol = packet.protocol;
    const auto payload = strip_transport(packet, out);
    if (!payload) return payload.error();
    if (payload->empty()) return errc::frame_empty;
    out.payload = {reinterpret_cast<const char*>(payload->data()), payload->size()};
    return out;
}

} // namespace fwknop::frame
