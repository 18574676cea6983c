// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/policy/network.hpp"
#include "firewall/grant.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/message.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

/// The order is that in which pf wants them: translation before filtering.
enum class pf_action : std::uint8_t {
    nat, ///< translates the source of what leaves
    rdr, ///< translates the destination of what comes in
    pass,
};

/// One rule of our anchor. It says when it ends (`_exp_<unix seconds>`): filter rules as a label,
/// translation rules, which have none, as a tag.
struct pf_rule {
    pf_action action = pf_action::pass;
    bool inbound = true; ///< of `pass`: only what comes in, not what goes on to another host
    bool passes = true;  ///< of `nat` and `rdr`: no filter rule is asked any more
    std::optional<fwknop::protocol> protocol; ///< none: all, and then no port
    network source;
    std::optional<ip_address> destination; ///< none: any
    std::optional<std::uint16_t> port;
    std::optional<ip_address> target; ///< of `nat` and `rdr`
    std::optional<std::uint16_t> target_port;
    unix_time expires{};

    friend bool operator==(const pf_rule&, const pf_rule&) = default;
};

/// As pf.conf(5) has it, without an end of line.
[[nodiscard]] std::string to_text(const pf_rule& rule);

/// Tells the port that a service's name stands for, as pfctl lists it.
using port_finder =
    std::function<std::optional<std::uint16_t>(const std::string& name, fwknop::protocol)>;

/// A rule as `pfctl -s rules` or `-s nat` lists it. None if it is not one of ours.
[[nodiscard]] std::optional<pf_rule> parse_pf_rule(std::string_view line, const port_finder& find);

/// Why pf cannot do what a grant asks for, with advice; empty: it can.
[[nodiscard]] std::string pf_obstacle(const grant_key& key);

/// The rules of a grant, translation first. None where there is an obstacle.
[[nodiscard]] std::vector<pf_rule> pf_rules_of(const grant_key& key, unix_time expires);

} // namespace fwknop
