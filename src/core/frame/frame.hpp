// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/error.hpp>
#include <fwknop/ip_address.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace fwknop {

/// The link layers that can be read. Which one a capture has is told by its DLT number.
enum class link_type : std::uint8_t {
    ethernet,      ///< with 802.1Q and 802.1ad tags, PPPoE sessions
    linux_sll,     ///< Linux cooked, version 1
    linux_sll2,    ///< Linux cooked, version 2
    raw_ip,        ///< the IP header at once
    null_loopback, ///< BSD loopback: the address family in four bytes
};

/// The link type behind a DLT or LINKTYPE number of libpcap. Error: `frame_link_type_unknown`.
[[nodiscard]] result<link_type> link_type_of(int dlt);

/// IP protocol numbers that can carry a packet.
inline constexpr std::uint8_t ip_protocol_icmp = 1;
inline constexpr std::uint8_t ip_protocol_tcp = 6;
inline constexpr std::uint8_t ip_protocol_udp = 17;
inline constexpr std::uint8_t ip_protocol_icmpv6 = 58;

/// What a frame carries. The payload is a view into the frame.
struct datagram {
    ip_address source;
    ip_address destination;
    std::uint8_t protocol = 0;
    std::uint16_t source_port = 0; ///< 0 for ICMP
    std::uint16_t destination_port = 0;
    std::string_view payload; ///< at least one byte
};

/// Takes a frame apart down to its payload. `captured` is what was caught of `wire_length` bytes.
/// Lengths are those of the IP header, so padding and check sequences behind it do no harm; a
/// frame caught short of them is refused, and so is every fragment, even one that is the whole
/// packet (RFC 6946). Checksums are not looked at: on the sender's own host the network card has
/// yet to fill them in, and the HMAC says more. Allocates nothing. Errors: the `frame_…` values.
[[nodiscard]] result<datagram> parse_frame(link_type link, std::span<const std::uint8_t> captured,
                                           std::size_t wire_length);

} // namespace fwknop
