// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/server_config.hpp"
#include "firewall/backend.hpp"
#include "firewall/iptables_planner.hpp"

#include <memory>

namespace fwknop::daemon {

/// The chains that the configuration asks for. `translates_sources`: there are some for that
/// although ENABLE_IPT_SNAT is off.
[[nodiscard]] iptables_layout iptables_layout_of(const server_config& config,
                                                 bool translates_sources);

/// The packet filter that the configuration asks for. Throws std::runtime_error, with the remedy,
/// when its programs are missing.
[[nodiscard]] std::unique_ptr<backend> make_backend(const server_config& config,
                                                    bool translates_sources);

} // namespace fwknop::daemon
