// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/iptables_access.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace fwknop {

struct firewalld_program {
    std::string path;   ///< absolute
    bool given = false; ///< it is firewall-cmd; else our own, which becomes a worker
    std::string error;  ///< not empty: it is missing; says what to do
};

/// FIREWALL_EXE, which is firewall-cmd; without it firewalld is asked over the bus.
[[nodiscard]] firewalld_program find_firewalld_program(std::string_view firewall_exe);

/// firewalld's runtime direct passthrough, as in `firewall-cmd --direct --passthrough ipv4 …`:
/// firewalld runs iptables for us. It takes one rule at a time and cannot restore, so a script is
/// no transaction and may come to its half; then what is there is looked at and completed. Asked
/// over the bus a script is one process (firewalld_worker.hpp) and some 10 ms for a line; by
/// firewall-cmd each line is a process, and 300 ms.
[[nodiscard]] std::unique_ptr<iptables_access>
make_firewalld_access(firewalld_program program, std::chrono::milliseconds time_limit);

} // namespace fwknop
