// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/server_config.hpp"

#include <optional>
#include <string>

namespace fwknop {

/// What is wrong with a directive, in a sentence that says what to write.
struct directive_objection {
    std::string directive; ///< whose value is at fault, or which is missing
    std::string text;
};

/// Whether PROTECT_PORTS and the NFT_ directives make sense by themselves, together, and with
/// FIREWALL_BACKEND. NFT_MODE must be one of its values already.
[[nodiscard]] std::optional<directive_objection> check_nft(const server_config& config);

/// What nftables cannot do without. For `auto`, which may turn to it where none of its directives
/// is given.
[[nodiscard]] std::optional<directive_objection> find_missing_nft(const server_config& config);

} // namespace fwknop
