// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_element.hpp"

#include <algorithm>

namespace fwknop {

namespace {

constexpr std::size_t word = 4;

std::size_t address_size(ip_family family) {
    return family == ip_family::v4 ? 4 : 16;
}

bool names_inside(const nft_shape& shape) {
    return (shape.role == rule_role::snat || shape.role == rule_role::masquerade) &&
           !shape.all_ports;
}

void append(nft_bytes& bytes, const ip_address& address) {
    const auto from = address.bytes();
    bytes.insert(bytes.end(), from.begin(), from.end());
}

void append_port(nft_bytes& bytes, std::uint16_t port) {
    bytes.push_back(static_cast<std::uint8_t>(port >> 8U));
    bytes.push_back(static_cast<std::uint8_t>(port & 0xffU));
}

void fill_word(nft_bytes& bytes) {
    while (bytes.size() % word != 0) bytes.push_back(0);
}

void append(nft_bytes& bytes, const service& door) {
    bytes.push_back(static_cast<std::uint8_t>(door.protocol));
    fill_word(bytes);
    append_port(bytes, door.port);
    fill_word(bytes);
}

ip_address read_address(ip_family family, std::span<const std::uint8_t> bytes) {
    return family == ip_family::v4 ? ip_address::v4(bytes.first<4>())
                                   : ip_address::v6(bytes.first<16>());
}

// The port that a packet shows where the rule would stand.
std::uint16_t port_of(rule_role role, const grant_key& key) {
    const bool outside = role == rule_role::dnat || role == rule_role::output || !key.nat;
    return outside ? key.door.port : key.nat->inside.port;
}

nft_bytes value_of(const nft_shape& shape, const grant_key& key) {
    nft_bytes value;
    switch (shape.role) {
    case rule_role::dnat:
        append(value, key.nat->inside.address);
        if (shape.all_ports) break;
        append_port(value, key.nat->inside.port);
        fill_word(value);
        break;
    case rule_role::snat:
        append(value, key.nat->source_address);
        break;
    case rule_role::masquerade:
        if (!shape.all_ports) append_port(value, key.door.port);
        break;
    case rule_role::input:
    case rule_role::output:
    case rule_role::forward:
    case rule_role::end_:
        break;
    }
    return value;
}

} // namespace

std::optional<nft_element> element_of(rule_role role, const grant_key& key) {
    if (!roles_of(key.nat).contains(role)) return std::nullopt;
    nft_element made;
    made.shape = {role, key.source.family(), key.source.prefix_length(),
                  has_destination(role) && key.destination.has_value(),
                  covers_all_ports(role, key.nat)};
    append(made.key, key.source.address());
    if (made.shape.destination) append(made.key, *key.destination);
    if (names_inside(made.shape)) append(made.key, key.nat->inside.address);
    if (!made.shape.all_ports) append(made.key, service{key.door.protocol, port_of(role, key)});
    made.value = value_of(made.shape, key);
    return made;
}

std::size_t key_size(const nft_shape& shape) noexcept {
    const std::size_t addresses =
        1U + (shape.destination ? 1U : 0U) + (names_inside(shape) ? 1U : 0U);
    return addresses * address_size(shape.family) + (shape.all_ports ? 0 : 2 * word);
}

std::optional<grant_key> input_grant(const nft_shape& shape, std::span<const std::uint8_t> key) {
    if (shape.role != rule_role::input || shape.all_ports || key.size() != key_size(shape))
        return std::nullopt;
    const std::size_t size = address_size(shape.family);
    grant_key made;
    made.source = network{read_address(shape.family, key), shape.prefix_length};
    if (shape.destination) made.destination = read_address(shape.family, key.subspan(size));
    const auto door = key.last(2 * word);
    made.door.protocol = static_cast<protocol>(door[0]);
    if (made.door.protocol != protocol::tcp && made.door.protocol != protocol::udp)
        return std::nullopt;
    made.door.port = static_cast<std::uint16_t>((unsigned{door[word]} << 8U) | door[word + 1]);
    const auto again = element_of(rule_role::input, made);
    if (!again || !std::ranges::equal(again->key, key)) return std::nullopt;
    return made;
}

} // namespace fwknop
