// SPDX-License-Identifier: Apache-2.0
#include "core/policy/network_set.hpp"

#include "core/policy/config_line.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <string>

namespace fwknop {
namespace {

constexpr std::size_t mapped_prefix_length = 96; ///< of ::ffff:0:0/96

/// 255.255.0.0 is 16. Nothing for a mask whose ones are not all in front.
[[nodiscard]] std::optional<std::uint64_t> length_of_mask(const ip_address& mask) noexcept {
    std::uint32_t bits = 0;
    for (const auto byte : mask.bytes()) bits = bits << 8U | byte;
    const auto ones = std::countl_one(bits);
    if (std::popcount(bits) != ones) return std::nullopt;
    return static_cast<std::uint64_t>(ones);
}

[[nodiscard]] std::optional<std::uint64_t> read_mask(std::string_view text, bool v4) {
    if (v4 && text.find('.') != std::string_view::npos) {
        const auto mask = ip_address::parse(text);
        if (!mask || !mask->is_v4()) return std::nullopt;
        return length_of_mask(*mask);
    }
    const auto number = read_number(text);
    if (!number || number->remark) return std::nullopt;
    return number->value;
}

[[nodiscard]] parsed<network> parse_network(std::string_view item) {
    const auto quoted = "'" + std::string{item} + "'";

    const auto slash = item.find('/');
    const auto address = ip_address::parse(trim(item.substr(0, slash)));
    if (!address) {
        return complaint{quoted + " is not an IP address; use ANY, an IPv4 or IPv6 address, or a "
                                  "network like 192.168.10.0/24 (host names are not accepted)"};
    }
    const std::uint64_t bits = address->is_v4() ? 32 : 128;
    std::uint64_t length = bits;
    if (slash != std::string_view::npos) {
        const auto mask = read_mask(trim(item.substr(slash + 1)), address->is_v4());
        if (!mask || *mask == 0 || *mask > bits) {
            return complaint{quoted + " has an invalid mask; use 1 to " + std::to_string(bits) +
                             (address->is_v4() ? ", a mask like 255.255.255.0," : "") +
                             " or ANY for every address"};
        }
        length = *mask;
    }
    const auto inner = address->unmapped();
    if (address->is_v6() && inner.is_v4() && length > mapped_prefix_length) {
        return network{inner, static_cast<std::uint8_t>(length - mapped_prefix_length)};
    }
    return network{*address, static_cast<std::uint8_t>(length)};
}

} // namespace

parsed<network_set> network_set::parse(std::string_view text) {
    network_set set;
    for (const auto item : split_list(text)) {
        if (item.empty()) {
            return complaint{"'" + std::string{text} +
                             "' has an empty item: remove the extra comma"};
        }
        if (equals_ignoring_case(item, "ANY")) {
            set.any_ = true;
            continue;
        }
        const auto parsed_item = parse_network(item);
        if (!parsed_item) return parsed_item.error();
        set.networks_.push_back(*parsed_item);
    }
    return set;
}

bool network_set::contains(const ip_address& candidate) const noexcept {
    if (any_) return true;
    const auto plain = candidate.unmapped();
    return std::ranges::any_of(networks_,
                               [&](const network& item) { return item.contains(plain); });
}

} // namespace fwknop
