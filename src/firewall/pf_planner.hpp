// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/change.hpp"
#include "firewall/grant_table.hpp"
#include "firewall/pf_rule.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// Our anchor of pf: its whole text is written anew with each change, which pf does in one
// transaction.

namespace fwknop {

/// What the anchor should hold: translation rules, then filter rules, each the oldest first. A
/// line per rule; empty for no grants. Grants that pf cannot do are left out.
[[nodiscard]] std::string plan_pf_anchor(const grant_table& wanted);
[[nodiscard]] std::string plan_pf_anchor(const std::vector<adopted_grant>& grants);

struct pf_adoption {
    std::vector<adopted_grant> grants;
    std::size_t unknown = 0; ///< rules that belong to no grant we can name
};

/// The grants behind the rules that an earlier run left. `translation` is what `pfctl -s nat` says
/// of the anchor, `filter` what `pfctl -s rules` says.
[[nodiscard]] pf_adoption adopt_pf_anchor(std::string_view translation, std::string_view filter,
                                          const port_finder& find);

/// Whether `anchor` is among those that `pfctl -s Anchors` lists.
[[nodiscard]] bool lists_pf_anchor(std::string_view listing, std::string_view anchor);

/// Whether the policy has a rule of `kind` (`rdr-anchor`, `nat-anchor`) for `anchor`, in what
/// `pfctl -s nat` lists.
[[nodiscard]] bool links_pf_anchor(std::string_view listing, std::string_view kind,
                                   std::string_view anchor);

/// What is wrong with the name of an anchor; empty: nothing. Names are letters, digits and `_-.`,
/// with `/` between an anchor and those inside it.
[[nodiscard]] std::string pf_anchor_fault(std::string_view anchor);

} // namespace fwknop
