// SPDX-License-Identifier: Apache-2.0
#include "core/frame/frame.hpp"

#include "core/frame/layers.hpp"

namespace fwknop {

result<link_type> link_type_of(int dlt) {
    switch (dlt) {
    case 0:   // DLT_NULL
    case 108: // LINKTYPE_LOOP, as DLT_LOOP on OpenBSD
        return link_type::null_loopback;
    case 1:
        return link_type::ethernet;
    case 12:  // DLT_RAW on most systems
    case 14:  // DLT_RAW on OpenBSD
    case 101: // LINKTYPE_RAW
    case 228: // LINKTYPE_IPV4
    case 229: // LINKTYPE_IPV6
        return link_type::raw_ip;
    case 113:
        return link_type::linux_sll;
    case 276:
        return link_type::linux_sll2;
    default:
        return errc::frame_link_type_unknown;
    }
}

result<datagram> parse_frame(link_type link, std::span<const std::uint8_t> captured,
                             std::size_t wire_length) {
    // A capture that claims more bytes than the wire had is not one.
    if (captured.size() > wire_length) return errc::frame_truncated;
    const auto network = frame::strip_link(link, captured);
    if (!network) return network.error();
    const auto packet = frame::parse_ip(*network);
    if (!packet) return packet.error();
    return frame::parse_transport(*packet);
}

} // namespace fwknop
