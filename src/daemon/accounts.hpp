// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/diagnostic.hpp"
#include "core/policy/server_config.hpp"
#include "core/policy/stanza.hpp"

namespace fwknop::daemon {

/// As whom the daemon runs: FWKNOP_USER if it is root now, else as it is. A name that nobody has
/// counts as not set.
[[nodiscard]] account daemon_account(const server_config& server);

/// Whether FWKNOP_USER, if it is set, is an account of this system; else an error.
void check_daemon_account(const server_config& server, diagnostics& report);

/// Looks up whom the commands of `entry` run as: CMD_EXEC_USER and CMD_EXEC_GROUP, or the account
/// `daemon` where they are not set; cycles always as the daemon. Supplementary groups are those
/// that the group file gives to that user. A group may also be named by a user whose primary group
/// is meant: the 2.6 line has it so. Names that nobody has, also those for sudo, are errors.
void resolve_accounts(stanza& entry, const account& daemon, diagnostics& report);

} // namespace fwknop::daemon
