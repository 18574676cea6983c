// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "firewall/grant.hpp"
#include "firewall/grant_route.hpp"
#include "firewall/iptables_rule.hpp"

#include <optional>
#include <string_view>

namespace fwknop {

/// The rule that a grant has in a chain of `role` whose rules go to `target`; nothing if it has
/// none there.
[[nodiscard]] std::optional<iptables_rule> grant_rule(rule_role role, const grant_key& key,
                                                      unix_time expires, std::string_view target);

} // namespace fwknop
