// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/iptables_access.hpp"
#include "firewall/iptables_programs.hpp"

#include <chrono>
#include <memory>

namespace fwknop {

/// iptables' own programs, nft or legacy variant, started by us: a script is one transaction of
/// one process.
[[nodiscard]] std::unique_ptr<iptables_access>
make_iptables_access(iptables_programs programs, std::chrono::milliseconds time_limit);

} // namespace fwknop
