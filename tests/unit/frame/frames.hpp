// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/frame/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Frames built by hand, layer by layer, each well-formed until a test says otherwise.

namespace fwknop::test {

using octets = std::vector<std::uint8_t>;

[[nodiscard]] octets join(const std::vector<octets>& parts);
[[nodiscard]] octets u16(std::size_t value);
[[nodiscard]] octets text(std::string_view characters);

inline constexpr std::uint16_t source_port = 40000;
inline constexpr std::uint16_t destination_port = 62201;

inline constexpr std::uint16_t ethertype_ipv4 = 0x0800;
inline constexpr std::uint16_t ethertype_ipv6 = 0x86dd;

/// 40000 -> 62201.
[[nodiscard]] octets udp(std::string_view payload);
/// 40000 -> 62201; `options` is a multiple of four bytes.
[[nodiscard]] octets tcp(std::string_view payload, const octets& options = {});
/// An echo reply.
[[nodiscard]] octets icmp(std::string_view payload);

/// 192.0.2.7 -> 198.51.100.9; `options` is a multiple of four bytes.
[[nodiscard]] octets ipv4(std::uint8_t protocol, const octets& payload, const octets& options = {});
/// 2001:db8::7 -> 2001:db8::9.
[[nodiscard]] octets ipv6(std::uint8_t next_header, const octets& payload);
/// An IPv6 extension header of `size` bytes, a multiple of eight.
[[nodiscard]] octets extension(std::uint8_t next_header, std::size_t size = 8);

[[nodiscard]] octets ethernet(std::uint16_t type, const octets& payload);
/// An 802.1Q tag, to stand at the front of an Ethernet payload.
[[nodiscard]] octets vlan_tag(std::uint16_t next_type);
[[nodiscard]] octets linux_sll(std::uint16_t type, const octets& payload);
[[nodiscard]] octets linux_sll2(std::uint16_t type, const octets& payload);

/// A datagram that outlives its frame, or the reason why there is none.
struct parsed {
    errc error{};
    datagram packet;
    std::string payload;
};

/// `parse_frame` on a heap buffer of exactly the frame's size, so that a sanitizer sees a read past
/// its end; `uncaptured` bytes more were on the wire.
[[nodiscard]] parsed parse(link_type link, const octets& frame, std::size_t uncaptured = 0);

} // namespace fwknop::test
