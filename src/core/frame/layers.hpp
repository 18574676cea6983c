// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/frame/frame.hpp"

#include <cstdint>
#include <span>

// The layers of a frame, one function each. Included by the .cpp files of this folder only.

namespace fwknop::frame {

using bytes = std::span<const std::uint8_t>;

/// Two bytes in network order; the caller has checked that they are there.
[[nodiscard]] constexpr std::uint16_t read_u16(bytes data, std::size_t offset) noexcept {
    return static_cast<std::uint16_t>(data[offset] << 8U | data[offset + 1]);
}

/// The IP packet, and whatever follows it, behind the link header.
[[nodiscard]] result<bytes> strip_link(link_type link, bytes frame);

/// An IP packet's transport part: cut to the length that the IP header tells.
struct ip_packet {
    ip_address source;
    ip_address destination;
    std::uint8_t protocol = 0;
    bytes payload;
};

[[nodiscard]] result<ip_packet> parse_ip(bytes packet);

[[nodiscard]] result<datagram> parse_transport(const ip_packet& packet);

} // namespace fwknop::frame
