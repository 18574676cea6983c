// SPDX-License-Identifier: Apache-2.0
#include "core/policy/port_set.hpp"

#include "core/policy/config_line.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace fwknop {
namespace {

constexpr std::uint64_t highest_port = 65535;

[[nodiscard]] std::optional<std::uint16_t> read_port(std::string_view text) noexcept {
    const auto number = read_number(text);
    if (!number || number->remark || number->value > highest_port) return std::nullopt;
    return static_cast<std::uint16_t>(number->value);
}

[[nodiscard]] parsed<port_range> parse_range(std::string_view item) {
    const std::string quoted{item};
    if (item.empty()) {
        return complaint{"[*] Parse error on access port entry: an empty item, remove the extra "
                         "comma"};
    }
    const auto slash = item.find('/');
    if (slash == std::string_view::npos) {
        return complaint{"[*] Parse error on access port entry: " + quoted +
                         ", need <proto>/<port> like tcp/22 or tcp/8000-8010"};
    }
    port_range range;
    const auto name = item.substr(0, slash);
    if (equals_ignoring_case(name, "udp")) {
        range.protocol = protocol::udp;
    } else if (!equals_ignoring_case(name, "tcp")) {
        return complaint{"[*] Invalid protocol in access port entry: " + quoted +
                         ", need tcp or udp"};
    }
    const auto ports = item.substr(slash + 1);
    const auto dash = ports.find('-');
    const auto first = read_port(ports.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : read_port(ports.substr(dash + 1));
    if (!first || !last) {
        return complaint{"[*] Invalid port '" + quoted +
                         "' in access request, must be in [0,65535]"};
    }
    if (*first > *last) {
        return complaint{"[*] Invalid port '" + quoted +
                         "' in access request, a range begins with its lower end"};
    }
    range.first = *first;
    range.last = *last;
    return range;
}

} // namespace

parsed<port_set> port_set::parse(std::string_view text) {
    port_set set;
    for (const auto item : split_list(text)) {
        const auto range = parse_range(item);
        if (!range) return range.error();
        set.ranges_.push_back(*range);
    }
    return set;
}

bool port_set::contains(const service& door) const noexcept {
    return std::ranges::any_of(ranges_, [&](const port_range& range) {
        return range.protocol == door.protocol && range.first <= door.port &&
               door.port <= range.last;
    });
}

} // namespace fwknop
