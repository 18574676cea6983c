// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/server_config.hpp"
#include "firewall/backend.hpp"

#include <memory>
#include <string_view>

namespace fwknop::daemon {

/// pf and ipfw as configured. `search_path` is where their programs are looked for, unless
/// FIREWALL_EXE names one. Throw std::runtime_error, with the remedy, when the program is missing
/// or the configuration asks for what cannot be. `translates_sources`: stanzas ask for that.
[[nodiscard]] std::unique_ptr<backend>
make_pf(const server_config& config, std::string_view search_path, bool translates_sources);
[[nodiscard]] std::unique_ptr<backend> make_ipfw(const server_config& config,
                                                 std::string_view search_path);

} // namespace fwknop::daemon
