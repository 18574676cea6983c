// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_layout.hpp"

#include "core/spa/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <tuple>

namespace fwknop {

namespace {

constexpr std::array<std::string_view, rule_role_count> stems{"grant", "output", "forward",
                                                              "dnat",  "snat",   "masquerade"};

bool take(std::string_view& text, std::string_view word) {
    if (!text.starts_with(word)) return false;
    text.remove_prefix(word.size());
    return true;
}

std::uint8_t bits_of(ip_family family) {
    return family == ip_family::v4 ? 32 : 128;
}

} // namespace

std::vector<rule_role> nft_layout::roles() const {
    std::vector<rule_role> roles{rule_role::input};
    if (output) roles.push_back(rule_role::output);
    if (!nat) return roles;
    roles.insert(roles.end(), {rule_role::forward, rule_role::dnat});
    if (source_nat) roles.insert(roles.end(), {rule_role::snat, rule_role::masquerade});
    return roles;
}

std::vector<nft_shape> nft_layout::shapes() const {
    std::vector<nft_shape> shapes;
    for (const rule_role role : roles()) {
        for (const ip_family packets : {ip_family::v4, ip_family::v6}) {
            if (!serves(packets)) continue;
            shapes.push_back({role, packets, bits_of(packets), false, false});
            if (destination && has_destination(role))
                shapes.push_back({role, packets, bits_of(packets), true, false});
        }
    }
    return shapes;
}

std::string_view set_stem(rule_role role) noexcept {
    return role == rule_role::end_ ? std::string_view{} : stems.at(static_cast<std::size_t>(role));
}

std::string nft_home::set_name(const nft_shape& shape) const {
    std::string name = prefix + std::string{set_stem(shape.role)};
    name += shape.family == ip_family::v4 ? "4" : "6";
    if (!shape.is_host()) name += "_" + std::to_string(shape.prefix_length);
    if (shape.destination) name += "_to";
    if (shape.all_ports) name += "_all";
    return name;
}

std::optional<nft_shape> nft_home::shape_of(std::string_view name) const {
    std::string_view rest = name;
    if (!take(rest, prefix)) return std::nullopt;
    const auto stem =
        std::ranges::find_if(stems, [&rest](std::string_view each) { return take(rest, each); });
    if (stem == stems.end()) return std::nullopt;
    nft_shape shape;
    shape.role = static_cast<rule_role>(stem - stems.begin());
    if (take(rest, "6"))
        shape.family = ip_family::v6;
    else if (!take(rest, "4"))
        return std::nullopt;
    shape.prefix_length = bits_of(shape.family);
    if (rest.size() > 1 && rest[0] == '_' && rest[1] >= '0' && rest[1] <= '9') {
        const auto digits = rest.substr(1, rest.find('_', 1) - 1);
        const auto bits = parse_digits<std::uint8_t>(digits);
        if (!bits) return std::nullopt;
        shape.prefix_length = *bits;
        rest.remove_prefix(digits.size() + 1);
    }
    shape.destination = take(rest, "_to");
    shape.all_ports = take(rest, "_all");
    // Written any other way it is not ours, e.g. `grant4_032`.
    if (shape.prefix_length > bits_of(shape.family) || set_name(shape) != name) return std::nullopt;
    return shape;
}

bool is_map(const nft_shape& shape) noexcept {
    return shape.role == rule_role::dnat || shape.role == rule_role::snat ||
           (shape.role == rule_role::masquerade && !shape.all_ports);
}

std::vector<port_range> merged(std::vector<port_range> ranges) {
    std::ranges::sort(ranges, {}, [](const port_range& each) {
        return std::tuple{each.protocol, each.first, each.last};
    });
    std::vector<port_range> result;
    for (const port_range& next : ranges) {
        if (!result.empty() && result.back().protocol == next.protocol &&
            next.first <= result.back().last + 1)
            result.back().last = std::max(result.back().last, next.last);
        else
            result.push_back(next);
    }
    return result;
}

} // namespace fwknop
