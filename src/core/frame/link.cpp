// SPDX-License-Identifier: Apache-2.0
#include "core/frame/layers.hpp"

namespace fwknop::frame {

namespace {

constexpr std::uint16_t ethertype_ipv4 = 0x0800;
constexpr std::uint16_t ethertype_ipv6 = 0x86dd;
constexpr std::uint16_t ethertype_vlan = 0x8100; // 802.1Q
constexpr std::uint16_t ethertype_qinq = 0x88a8; // 802.1ad
constexpr std::uint16_t ethertype_old_qinq = 0x9100;
constexpr std::uint16_t ethertype_pppoe = 0x8864; // session stage

constexpr std::uint16_t ppp_ipv4 = 0x0021;
constexpr std::uint16_t ppp_ipv6 = 0x0057;

/// Two tags are what networks use; more is somebody making us work.
constexpr int max_vlan_tags = 4;

constexpr bool is_vlan(std::uint16_t type) noexcept {
    return type == ethertype_vlan || type == ethertype_qinq || type == ethertype_old_qinq;
}

// A session header of six bytes (version and type, code, session, length), then PPP's protocol: two
// bytes, or one where the peers agreed to leave out a zero first byte (RFC 1661, section 6.5; an
// odd first byte is the last one). The length is not needed: the IP header has its own.
result<bytes> strip_pppoe(bytes rest) {
    constexpr std::size_t header = 6;
    constexpr std::uint8_t version_and_type = 0x11;
    if (rest.size() <= header) return errc::frame_truncated;
    if (rest[0] != version_and_type || rest[1] != 0) return errc::frame_not_ip;
    const std::size_t protocol_size = (rest[header] & 1U) != 0 ? 1 : 2;
    if (rest.size() < header + protocol_size) return errc::frame_truncated;
    const std::uint16_t protocol = protocol_size == 1 ? rest[header] : read_u16(rest, header);
    if (protocol != ppp_ipv4 && protocol != ppp_ipv6) return errc::frame_not_ip;
    return rest.subspan(header + protocol_size);
}

// What an EtherType announces, behind any VLAN tags.
result<bytes> strip_ethertype(std::uint16_t type, bytes rest) {
    constexpr std::size_t tag = 4;
    for (int tags = 0; is_vlan(type); ++tags) {
        if (tags == max_vlan_tags) return errc::frame_not_ip;
        if (rest.size() < tag) return errc::frame_truncated;
        type = read_u16(rest, 2);
        rest = rest.subspan(tag);
    }
    if (type == ethertype_pppoe) return strip_pppoe(rest);
    if (type != ethertype_ipv4 && type != ethertype_ipv6) return errc::frame_not_ip;
    return rest;
}

// A header of `size` bytes with the EtherType at `type_offset`.
result<bytes> strip_header(bytes frame, std::size_t size, std::size_t type_offset) {
    if (frame.size() < size) return errc::frame_truncated;
    return strip_ethertype(read_u16(frame, type_offset), frame.subspan(size));
}

} // namespace

result<bytes> strip_link(link_type link, bytes frame) {
    switch (link) {
    case link_type::ethernet:
        return strip_header(frame, 14, 12);
    case link_type::linux_sll:
        return strip_header(frame, 16, 14);
    case link_type::linux_sll2:
        return strip_header(frame, 20, 0);
    case link_type::raw_ip:
        return frame;
    case link_type::null_loopback: {
        // The family is in the byte order of whoever captured; the IP version below tells as much.
        constexpr std::size_t family = 4;
        if (frame.size() < family) return errc::frame_truncated;
        return frame.subspan(family);
    }
    }
    return errc::frame_link_type_unknown;
}

} // namespace fwknop::frame
