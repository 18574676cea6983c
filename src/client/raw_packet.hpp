// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/settings.hpp"

#include <fwknop/ip_address.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// Packets with headers of our own, pure: from values to bytes. The values are those of clients of
// the 2.6 line, so that one cannot be told from the other; checksums are filled in everywhere,
// where those clients leave UDP and TCP without.

namespace fwknop::client {

/// What the headers tell. Both addresses are of one family.
struct raw_headers {
    carrier protocol = carrier::udp_raw; ///< a raw one
    ip_address source;
    ip_address destination;
    std::uint16_t source_port = 0;      ///< not with ICMP
    std::uint16_t destination_port = 0; ///< not with ICMP
    std::uint8_t icmp_type = 0;         ///< see icmp_type_on_wire
    std::uint8_t icmp_code = 0;
    std::uint16_t echo_identifier = 0; ///< of ICMP echo requests with code 0, the others have 0
    std::uint16_t identification = 0;  ///< IPv4 only; the kernel puts its own in place of 0
};

/// Bytes; more could overflow the headers' 16-bit lengths. Far above what a network takes: the
/// kernel does not fragment a packet with headers of ours.
inline constexpr std::size_t max_raw_payload = 60'000;

/// The ICMPv6 type that says what an ICMP type says, for the two that exist in both: echo reply
/// (0 becomes 129) and echo request (8 becomes 128). Every other number stays, as all do over IPv4.
[[nodiscard]] std::uint8_t icmp_type_on_wire(std::uint8_t type, ip_family family) noexcept;

/// The packet from its IP header on: TTL or hop limit 255; UDP; or TCP, a SYN with sequence number
/// 1 and window 32767; or ICMP with sequence number 0, but 1 in echo requests with code 0.
/// `payload` is not above max_raw_payload. Source: RFC 768, 791, 792, 4443, 8200, 9293.
[[nodiscard]] std::vector<std::uint8_t> raw_packet(const raw_headers& headers,
                                                   std::string_view payload);

} // namespace fwknop::client
