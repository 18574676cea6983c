// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/diagnostic.hpp"

#include <string>
#include <string_view>

namespace fwknop {

/// A chain of ours and the jump that leads to it, as the `IPT_*_ACCESS` and `FIREWD_*_ACCESS`
/// directives describe them: `ACCEPT, filter, INPUT, 1, FWKNOP_INPUT, 1`.
struct chain_spec {
    std::string target;     ///< of the rules: ACCEPT, DNAT, …
    std::string table;      ///< filter, nat, …
    std::string from_chain; ///< where the jump stands
    int jump_position = 1;  ///< 0..65536
    std::string to_chain;   ///< ours
    int rule_position = 1;  ///< 0..65536; checked, unused

    /// Exactly six fields; names of letters, digits and `_` only, because they become words of a
    /// firewall program's command line.
    [[nodiscard]] static parsed<chain_spec> parse(std::string_view text);

    friend bool operator==(const chain_spec&, const chain_spec&) = default;
};

} // namespace fwknop
