// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string_view>

// Speaking to firewalld over the system bus, in a process of its own, for a program that must not
// wait.
//
// Why not firewall-cmd: it is a third of a second of Python for each rule, and a tear-down with NAT
// takes 34 of them, which is longer than a service manager waits. A worker does it in one process,
// a few milliseconds a rule. Why libdbus: libpcap brings it into the daemon anyway.

namespace fwknop {

/// The argument with which the daemon's program becomes a worker; `ipv4` or `ipv6` follows.
inline constexpr std::string_view firewalld_worker_option = "--firewalld-worker";

/// How a worker ends, in firewall-cmd's numbers where it has some.
enum firewalld_exit : int {
    firewalld_done = 0,
    firewalld_failed = 13,    ///< iptables refused a line; nothing was changed before it
    firewalld_half_done = 14, ///< the same, but something was
    firewalld_not_running = 252,
    firewalld_not_authorized = 253,
};

/// The worker: has firewalld carry out a script for `iptables-restore --noflush`, line by line up
/// to the first that fails, whose error it writes to `errors`; what iptables says goes to `output`.
/// Returns the exit status.
[[nodiscard]] int run_firewalld_worker(std::string_view family, std::istream& script,
                                       std::ostream& output, std::ostream& errors);

} // namespace fwknop
