// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/stanza.hpp"
#include "daemon/configuration.hpp"
#include "firewall/helper_request.hpp"

#include <optional>
#include <string>
#include <vector>

namespace fwknop::daemon {

/// All that the helper of a daemon with this configuration may start: the packet filter's
/// programs, unless `opens_nothing`; GPG workers if a stanza needs them; look-ups of names; and
/// anything as the accounts that commands of stanzas run as, no more. Throws std::runtime_error,
/// with the remedy, when the packet filter's programs are missing.
[[nodiscard]] helper_rules helper_rules_for(const configuration& config, bool opens_nothing);

/// Whom commands and cycles of `stanzas` run as, each once.
[[nodiscard]] std::vector<account> command_accounts(const std::vector<stanza>& stanzas);

/// A command of `stanzas` that `rules` do not allow, as a line for the log.
[[nodiscard]] std::optional<std::string> forbidden_command(const helper_rules& rules,
                                                           const std::vector<stanza>& stanzas);

} // namespace fwknop::daemon
