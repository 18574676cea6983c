// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/policy/network.hpp"
#include "firewall/grant.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/message.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace fwknop {

/// A grant as a rule of ipfw, without its number and set.
struct ipfw_rule {
    network source;
    std::optional<ip_address> destination; ///< none: every address of this host
    service door;
    unix_time expires{};

    friend bool operator==(const ipfw_rule&, const ipfw_rule&) = default;
};

/// `pass tcp from 192.0.2.7 to me dst-port 22 setup keep-state // _exp_1700000030`
[[nodiscard]] std::string to_text(const ipfw_rule& rule);

/// A grant's rule, and the grant behind a rule. ipfw translates nothing: no grant with NAT.
[[nodiscard]] ipfw_rule ipfw_rule_of(const grant_key& key, unix_time expires);
[[nodiscard]] grant_key key_of(const ipfw_rule& rule);

/// A line of `ipfw -S list`.
struct listed_ipfw_rule {
    std::uint16_t number = 0;
    unsigned set = 0;
    std::string text;              ///< the rest of the line
    std::optional<ipfw_rule> ours; ///< it has the form of ours
    std::optional<unix_time>
        expires; ///< what its comment says (`_exp_<unix seconds>`), if anything
    bool check_state = false;

    friend bool operator==(const listed_ipfw_rule&, const listed_ipfw_rule&) = default;
};

struct ipfw_listing {
    std::vector<listed_ipfw_rule> rules; ///< in order of their numbers
    /// Numbers of rules that connections hold on to: only with `-d`.
    std::unordered_set<std::uint16_t> in_use;
};

/// What `ipfw -S list` or `ipfw -d -S list` says; lines that are no rules are passed over.
[[nodiscard]] ipfw_listing parse_ipfw_listing(std::string_view text);

} // namespace fwknop
