// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/stanza.hpp"
#include "daemon/configuration.hpp"

#include <bitset>
#include <string>

#include <sys/types.h>

namespace fwknop::daemon {

/// Capabilities by their numbers (capabilities(7), linux/capability.h).
using power_set = std::bitset<64>;

/// What a configuration asks of the kernel.
struct power_needs {
    bool root = false;           ///< it goes on as root: FWKNOP_USER is not set
    bool changes_filter = false; ///< some packet filter
    bool captures = false;       ///< sees packets on the wire
    bool low_port = false;       ///< has a server on a port below 1024
    bool others_files = false;   ///< root is to work with files that are not root's
    bool other_accounts = false; ///< runs commands as somebody else
    bool as_root = false;        ///< runs commands as root, or sudo
};

/// What the daemon keeps: what it takes to see packets and to speak to the packet filter.
[[nodiscard]] power_set daemon_powers(const power_needs& needs);

/// What its helper keeps: what the programs need that it starts as itself, and what it takes to
/// start commands as others.
[[nodiscard]] power_set helper_powers(const power_needs& needs);

/// `net_admin net_raw`, or `none`.
[[nodiscard]] std::string to_string(const power_set& powers);

/// As whom the daemon will run: FWKNOP_USER if it is started as root, else as it is.
[[nodiscard]] account daemon_account(const server_config& server);

[[nodiscard]] power_needs needs_of(const configuration& config, bool test_mode);

/// Becomes `who`, with no group of root's left, and keeps `kept` of the capabilities. Throws
/// std::runtime_error when any of it fails.
void become(const account& who, const power_set& kept);

/// How a process of ours goes on.
struct power_limits {
    power_set kept;      ///< of what it has
    power_set inherited; ///< of these, what programs that it starts get although it is not root
    bool for_programs = true; ///< what it starts can gain no more than `kept` in any way
};

/// A command that runs as root has all that root has, or the administrator would wonder.
[[nodiscard]] power_limits helper_limits(const power_needs& needs);

/// Gives up all other capabilities, for good. Throws std::runtime_error.
void keep_only(const power_limits& limits);

/// For a process that a helper started and that needs none of what it got. Only files of others
/// stay open to root, and what it starts gains nothing. Throws std::runtime_error.
void give_up_powers();

/// Nothing that this process starts gains power by a file's mode. Throws std::runtime_error.
void forbid_new_privileges();

/// Nobody with the same account and the same powers can look into this process or change it, by
/// /proc/<pid>/mem or ptrace(2); what it forks neither. Else whoever takes the daemon over would
/// simply write into its helper. Throws std::runtime_error.
void forbid_inspection();

/// Whether a profile of AppArmor confines us: then programs that are started after
/// `forbid_new_privileges` cannot have a profile of their own.
[[nodiscard]] bool confined();

} // namespace fwknop::daemon
