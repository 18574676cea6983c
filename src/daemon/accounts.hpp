// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/diagnostic.hpp"
#include "core/policy/stanza.hpp"

namespace fwknop::daemon {

/// Looks up whom the commands of `entry` run as: CMD_EXEC_USER and CMD_EXEC_GROUP, or the daemon's
/// own account where they are not set; cycles always as the daemon. Supplementary groups are those
/// that the group file gives to that user. A group may also be named by a user whose primary group
/// is meant: the 2.6 line has it so. Names that nobody has, also those for sudo, are errors.
void resolve_accounts(stanza& entry, diagnostics& report);

} // namespace fwknop::daemon
