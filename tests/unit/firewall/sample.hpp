// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "firewall/grant.hpp"
#include "firewall/iptables_planner.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace fwknop::test {

inline ip_address address(std::string_view text) {
    return ip_address::parse(text).value();
}

inline grant_key tcp(std::string_view source, std::uint16_t port) {
    return {address(source), std::nullopt, {protocol::tcp, port}};
}

inline grant_key udp(std::string_view source, std::uint16_t port) {
    return {address(source), std::nullopt, {protocol::udp, port}};
}

/// Both clocks `seconds` after the beginning: the wall at 1,000,000 then, `step` seconds off.
inline moment at(int seconds, int step = 0) {
    return {std::chrono::steady_clock::time_point{std::chrono::seconds{seconds}},
            from_seconds(1'000'000 + seconds + step)};
}

inline iptables_layout layout() {
    iptables_layout made;
    made.input = {"ACCEPT", "filter", "INPUT", 1, "FWKNOP_INPUT", 1};
    return made;
}

inline iptables_layout layout_with_output() {
    iptables_layout made = layout();
    made.output = {"ACCEPT", "filter", "OUTPUT", 1, "FWKNOP_OUTPUT", 1};
    return made;
}

} // namespace fwknop::test
