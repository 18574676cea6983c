// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/configuration.hpp"
#include "firewall/listed_program.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

// The files of a daemon that runs as an account of its own (FWKNOP_USER).

namespace fwknop::daemon {

/// Whether root, once it is no more than an account like others, meets files that are not its own.
[[nodiscard]] bool uses_files_of_others(const configuration& config);

/// Makes what the daemon writes `who`'s: the run directory, if nobody but root could enter it, and
/// root's files among the pid file, the lock and the replay file. To be called as root, once they
/// are there. Throws std::runtime_error when a folder or a file cannot be given away.
void give_files(const server_config& server, const account& who);

/// What the account that we run as now cannot do although its configuration asks for it, as lines
/// for the log: files that a reload could not read. Root, too, may have no more power over files
/// than others.
[[nodiscard]] std::vector<std::string> unreadable_files(const server_config& server,
                                                        const std::vector<stanza>& stanzas,
                                                        const account& who);

/// Likewise what lets the start fail: it could not keep its files, not decrypt by GnuPG, or not
/// change rules by one of `programs`. Nothing if all is well.
[[nodiscard]] std::optional<std::string> start_problem(const configuration& config,
                                                       const account& who,
                                                       std::span<const listed_program> programs);

} // namespace fwknop::daemon
