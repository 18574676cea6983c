// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/server_config.hpp"
#include "firewall/backend.hpp"
#include "firewall/backend_choice.hpp"
#include "firewall/iptables_planner.hpp"

#include <memory>
#include <optional>
#include <string>

namespace fwknop::daemon {

/// The packet filter that the configuration, or what is installed here, asks for.
[[nodiscard]] backend_choice choose_backend(const server_config& config);

/// A directive that asks for what this kind of packet filter does not do, as a sentence with the
/// remedy. Nothing if all is well.
[[nodiscard]] std::optional<std::string> misplaced_directive(backend_kind kind,
                                                             const server_config& config);

/// The chains that the configuration asks for, by the IPT_* directives or, for firewalld, by their
/// FIREWD_* twins. `translates_sources`: there are some for that
/// although ENABLE_IPT_SNAT, or its twin, is off.
[[nodiscard]] iptables_layout iptables_layout_of(const server_config& config,
                                                 bool translates_sources);
[[nodiscard]] iptables_layout firewalld_layout_of(const server_config& config,
                                                  bool translates_sources);

/// A backend of that kind, set up as configured. Throws std::runtime_error, with the remedy, when
/// its programs are missing.
[[nodiscard]] std::unique_ptr<backend> make_backend(backend_kind kind, const server_config& config,
                                                    bool translates_sources);

/// Whether the rules of such a backend go when the daemon ends.
[[nodiscard]] bool flushes_at_exit(backend_kind kind, const server_config& config);

} // namespace fwknop::daemon
