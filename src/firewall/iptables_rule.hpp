// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "firewall/grant.hpp"

#include <fwknop/ip_address.hpp>

#include <optional>
#include <string>
#include <string_view>

// One access rule as text: written the way iptables reads it, and recognised the way iptables
// lists it. The text begins after the chain's name.

namespace fwknop {

/// Which way a rule looks at a grant.
enum class rule_direction {
    in,  ///< from the grant's source to the door
    out, ///< the mirror: from the door to the grant's source
};

/// A rule that has exactly the form of ours.
struct iptables_rule {
    grant_key key;
    unix_time expires{};

    friend bool operator==(const iptables_rule&, const iptables_rule&) = default;
};

/// `-p <number> -s <source> [-d <destination>] --dport <port> -m comment --comment _exp_<t>
/// -j <target>`, or its mirror.
[[nodiscard]] std::string iptables_rule_text(const iptables_rule& rule, rule_direction direction,
                                             std::string_view target);

/// The grant behind a listed rule (`-s 192.0.2.7/32 -p tcp -m tcp --dport 22 -m comment --comment
/// _exp_1 -j ACCEPT`), or nothing if the rule says anything that ours never say.
[[nodiscard]] std::optional<iptables_rule> parse_iptables_rule(std::string_view text,
                                                               ip_family family,
                                                               rule_direction direction,
                                                               std::string_view target);

/// The time in the first `_exp_<unix seconds>` of a listed rule's comments, wherever in the
/// comment it stands.
[[nodiscard]] std::optional<unix_time> iptables_rule_expiry(std::string_view text);

/// The chain or target that a listed rule goes to with `-j` or `-g`.
[[nodiscard]] std::optional<std::string> iptables_rule_target(std::string_view text);

} // namespace fwknop
