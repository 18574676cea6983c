// SPDX-License-Identifier: Apache-2.0
#include "core/policy/network.hpp"

#include "core/spa/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace fwknop {
namespace {

/// The part of byte `index` that a prefix of `length` bits covers.
std::uint8_t mask_of(std::size_t index, std::size_t length) noexcept {
    const std::size_t before = index * 8;
    if (length >= before + 8) return 0xff;
    if (length <= before) return 0;
    return static_cast<std::uint8_t>(0xff00U >> (length - before));
}

} // namespace

network::network(const ip_address& address, std::uint8_t prefix_length) noexcept
    : prefix_length_{std::min(prefix_length, bits_of(address))} {
    std::array<std::uint8_t, 16> bytes{};
    const auto given = address.bytes();
    for (std::size_t i = 0; i < given.size(); ++i) bytes[i] = given[i] & mask_of(i, prefix_length_);
    address_ =
        address.is_v4() ? ip_address::v4(std::span{bytes}.first<4>()) : ip_address::v6(bytes);
}

bool network::contains(const ip_address& candidate) const noexcept {
    return candidate.family() == family() &&
           network{candidate, prefix_length_}.address_ == address_;
}

std::optional<network> network::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = ip_address::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    if (slash == text.npos) return network{*address};
    const auto length = parse_digits<std::uint8_t>(text.substr(slash + 1));
    if (!length || *length > bits_of(*address)) return std::nullopt;
    return network{*address, *length};
}

std::string network::to_string() const {
    return address_.to_string() + (is_host() ? "" : "/" + std::to_string(prefix_length_));
}

} // namespace fwknop
