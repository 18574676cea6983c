// SPDX-License-Identifier: Apache-2.0
#include "frame/frames.hpp"

#include "support/result.hpp"

#include <algorithm>
#include <memory>

namespace fwknop::test {

namespace {

const octets ipv6_prefix{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

octets ports() {
    return join({u16(source_port), u16(destination_port)});
}

} // namespace

octets join(const std::vector<octets>& parts) {
    octets out;
    for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
}

octets u16(std::size_t value) {
    return {static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)};
}

octets text(std::string_view characters) {
    return {characters.begin(), characters.end()};
}

octets udp(std::string_view payload) {
    return join({ports(), u16(8 + payload.size()), u16(0), text(payload)});
}

octets tcp(std::string_view payload, const octets& options) {
    const auto words = static_cast<std::uint8_t>((20 + options.size()) / 4);
    return join({ports(),
                 octets(8, 0x11),
                 {static_cast<std::uint8_t>(words << 4U), 0x18},
                 octets(6, 0x22),
                 options,
                 text(payload)});
}

octets icmp(std::string_view payload) {
    return join({octets(8, 0), text(payload)});
}

octets ipv4(std::uint8_t protocol, const octets& payload, const octets& options) {
    const auto words = static_cast<std::uint8_t>((20 + options.size()) / 4);
    return join({{static_cast<std::uint8_t>(0x40 | words), 0},
                 u16(20 + options.size() + payload.size()),
                 u16(1),
                 u16(0x4000), // don't fragment
                 {64, protocol, 0, 0},
                 {192, 0, 2, 7},
                 {198, 51, 100, 9},
                 options,
                 payload});
}

octets ipv6(std::uint8_t next_header, const octets& payload) {
    return join({{0x60, 0, 0, 0},
                 u16(payload.size()),
                 {next_header, 64},
                 ipv6_prefix,
                 {7},
                 ipv6_prefix,
                 {9},
                 payload});
}

octets extension(std::uint8_t next_header, std::size_t size) {
    octets out(size, 0);
    out[0] = next_header;
    out[1] = static_cast<std::uint8_t>(size / 8 - 1);
    return out;
}

octets ethernet(std::uint16_t type, const octets& payload) {
    return join({octets(12, 0x02), u16(type), payload});
}

octets vlan_tag(std::uint16_t next_type) {
    return join({u16(5), u16(next_type)});
}

octets linux_sll(std::uint16_t type, const octets& payload) {
    return join({u16(0), u16(1), u16(6), octets(8, 0x02), u16(type), payload});
}

octets linux_sll2(std::uint16_t type, const octets& payload) {
    return join({u16(type), u16(0), {0, 0, 0, 3}, u16(1), {0, 6}, octets(8, 0x02), payload});
}

parsed parse(link_type link, const octets& frame, std::size_t uncaptured) {
    const auto exact = std::make_unique<std::uint8_t[]>(frame.size());
    std::copy(frame.begin(), frame.end(), exact.get());
    const auto made = parse_frame(link, {exact.get(), frame.size()}, frame.size() + uncaptured);
    parsed out{.error = error_of(made), .packet = {}, .payload = {}};
    if (made) {
        out.packet = *made;
        out.payload = made->payload;
        out.packet.payload = {};
    }
    return out;
}

} // namespace fwknop::test
