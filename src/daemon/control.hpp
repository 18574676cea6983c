// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/server_config.hpp"

#include <string>

// What `fwknopd` does besides running: it asks about, or acts on, another one or its rules. Each
// returns the exit status and prints what it found.

namespace fwknop::daemon {

/// `--status`
int print_status(const std::string& pid_file);

/// `--kill`: SIGTERM, and SIGKILL to one that has not ended within the time that a clean stop may
/// take.
int kill_running(const std::string& pid_file);

/// `--restart`: SIGHUP.
int restart_running(const std::string& pid_file);

/// `--confirm`: SIGUSR2
int confirm_running(const std::string& pid_file);

/// `--fw-list`, or with `everything` `--fw-list-all`.
int list_rules(const server_config& config, bool everything);

/// `--fw-flush`
int flush_rules(const server_config& config);

} // namespace fwknop::daemon
