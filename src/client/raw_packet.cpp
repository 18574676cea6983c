// SPDX-License-Identifier: Apache-2.0
#include "client/raw_packet.hpp"

#include "core/frame/frame.hpp"

#include <cstddef>
#include <span>

namespace fwknop::client {
namespace {

using octets = std::vector<std::uint8_t>;

constexpr std::uint8_t hop_limit = 255;
constexpr std::uint32_t tcp_sequence = 1;
constexpr std::uint16_t tcp_window = 32767;
constexpr std::uint8_t tcp_syn = 0x02;
constexpr std::uint8_t five_words = 5U << 4U; ///< a TCP header without options

constexpr std::size_t ipv4_checksum_offset = 10;
constexpr std::size_t udp_checksum_offset = 6;
constexpr std::size_t tcp_checksum_offset = 16;
constexpr std::size_t icmp_checksum_offset = 2;

constexpr std::uint8_t icmp_echo_reply = 0;
constexpr std::uint8_t icmp_echo_request = 8;
constexpr std::uint8_t icmpv6_echo_request = 128;
constexpr std::uint8_t icmpv6_echo_reply = 129;

void add(octets& to, std::span<const std::uint8_t> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

void add_u8(octets& to, std::uint8_t value) {
    to.push_back(value);
}

void add_u16(octets& to, std::size_t value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8U & 0xffU));
    to.push_back(static_cast<std::uint8_t>(value & 0xffU));
}

void add_u32(octets& to, std::size_t value) {
    add_u16(to, value >> 16U);
    add_u16(to, value);
}

/// RFC 1071. An odd last byte counts as if a zero followed.
std::uint16_t internet_checksum(const octets& bytes) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        sum += i % 2 == 0 ? std::uint64_t{bytes[i]} << 8U : bytes[i];
    while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~sum & 0xffffU);
}

void put_checksum(octets& into, std::size_t offset, std::uint16_t checksum) {
    into[offset] = static_cast<std::uint8_t>(checksum >> 8U);
    into[offset + 1] = static_cast<std::uint8_t>(checksum & 0xffU);
}

std::uint8_t protocol_number(const raw_headers& headers) {
    switch (headers.protocol) {
    case carrier::udp_raw:
        return ip_protocol_udp;
    case carrier::tcp_raw:
        return ip_protocol_tcp;
    default:
        return headers.destination.is_v6() ? ip_protocol_icmpv6 : ip_protocol_icmp;
    }
}

/// What the checksums of UDP, TCP and ICMPv6 cover beside the segment; IPv4 and IPv6 order and
/// widen the fields differently, which the sum does not see.
octets pseudo_header(const raw_headers& headers, std::size_t segment_size) {
    octets out;
    add(out, headers.source.bytes());
    add(out, headers.destination.bytes());
    add_u32(out, segment_size);
    add_u32(out, protocol_number(headers));
    return out;
}

octets udp_header(const raw_headers& headers, std::size_t payload_size) {
    constexpr std::size_t size = 8;
    octets out;
    add_u16(out, headers.source_port);
    add_u16(out, headers.destination_port);
    add_u16(out, size + payload_size);
    add_u16(out, 0); // checksum
    return out;
}

octets tcp_header(const raw_headers& headers) {
    octets out;
    add_u16(out, headers.source_port);
    add_u16(out, headers.destination_port);
    add_u32(out, tcp_sequence);
    add_u32(out, 0); // acknowledgement
    add_u8(out, five_words);
    add_u8(out, tcp_syn);
    add_u16(out, tcp_window);
    add_u16(out, 0); // checksum
    add_u16(out, 0); // urgent pointer
    return out;
}

octets icmp_header(const raw_headers& headers) {
    const bool echo_request = headers.icmp_type == icmp_echo_request && headers.icmp_code == 0;
    octets out;
    add_u8(out, icmp_type_on_wire(headers.icmp_type, headers.destination.family()));
    add_u8(out, headers.icmp_code);
    add_u16(out, 0); // checksum
    add_u16(out, echo_request ? headers.echo_identifier : 0);
    add_u16(out, echo_request ? 1 : 0); // sequence number
    return out;
}

octets segment(const raw_headers& headers, std::string_view payload) {
    octets out;
    std::size_t checksum_offset = icmp_checksum_offset;
    if (headers.protocol == carrier::udp_raw) {
        out = udp_header(headers, payload.size());
        checksum_offset = udp_checksum_offset;
    } else if (headers.protocol == carrier::tcp_raw) {
        out = tcp_header(headers);
        checksum_offset = tcp_checksum_offset;
    } else {
        out = icmp_header(headers);
    }
    out.insert(out.end(), payload.begin(), payload.end());

    const auto protocol = protocol_number(headers);
    auto covered = protocol == ip_protocol_icmp ? octets{} : pseudo_header(headers, out.size());
    add(covered, out);
    auto checksum = internet_checksum(covered);
    // In UDP zero means that there is no checksum; 0xffff is the other zero of this arithmetic.
    if (protocol == ip_protocol_udp && checksum == 0) checksum = 0xffff;
    put_checksum(out, checksum_offset, checksum);
    return out;
}

octets ipv4_header(const raw_headers& headers, std::size_t segment_size) {
    constexpr std::size_t size = 20;
    octets out;
    add_u8(out, 0x45); // version 4, five words
    add_u8(out, 0);    // type of service
    add_u16(out, size + segment_size);
    add_u16(out, headers.identification);
    add_u16(out, 0); // flags and fragment offset
    add_u8(out, hop_limit);
    add_u8(out, protocol_number(headers));
    add_u16(out, 0); // checksum
    add(out, headers.source.bytes());
    add(out, headers.destination.bytes());
    put_checksum(out, ipv4_checksum_offset, internet_checksum(out));
    return out;
}

octets ipv6_header(const raw_headers& headers, std::size_t segment_size) {
    octets out;
    add_u32(out, 6U << 28U); // version 6, no traffic class, no flow label
    add_u16(out, segment_size);
    add_u8(out, protocol_number(headers));
    add_u8(out, hop_limit);
    add(out, headers.source.bytes());
    add(out, headers.destination.bytes());
    return out;
}

} // namespace

std::uint8_t icmp_type_on_wire(std::uint8_t type, ip_family family) noexcept {
    if (family == ip_family::v4) return type;
    if (type == icmp_echo_reply) return icmpv6_echo_reply;
    if (type == icmp_echo_request) return icmpv6_echo_request;
    return type;
}

std::vector<std::uint8_t> raw_packet(const raw_headers& headers, std::string_view payload) {
    const auto body = segment(headers, payload);
    auto packet = headers.destination.is_v4() ? ipv4_header(headers, body.size())
                                              : ipv6_header(headers, body.size());
    add(packet, body);
    return packet;
}

} // namespace fwknop::client
