// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/change.hpp"
#include "firewall/grant_route.hpp"
#include "firewall/iptables_rule.hpp"

#include <vector>

namespace fwknop {

/// A rule of an earlier run that has the form of ours.
struct found_rule {
    rule_role role = rule_role::input;
    iptables_rule rule;
    tagged_rule place; ///< the same rule as one that merely says when it ends

    friend bool operator==(const found_rule&, const found_rule&) = default;
};

struct adoption {
    std::vector<adopted_grant> grants;
    std::vector<tagged_rule> tagged; ///< what belongs to no grant we can name: still ends in time
};

/// Puts the rules of one family together again to grants. A grant with NAT has rules in several
/// chains and tables; they belong together if they name the same hosts, ports and expiry.
[[nodiscard]] adoption adopt_rules(const std::vector<found_rule>& found);

} // namespace fwknop
