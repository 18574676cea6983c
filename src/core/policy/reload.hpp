// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/server_config.hpp"

#include <string>
#include <string_view>
#include <vector>

// What a new configuration changes while the daemon runs.

namespace fwknop {

/// When a directive's new value counts.
enum class takes_effect {
    at_once,      ///< with the next packet
    with_capture, ///< once the interfaces are opened anew
    on_restart,   ///< not while this process lives: firewall objects, files, sockets depend on it
};

[[nodiscard]] takes_effect when_changed(std::string_view directive) noexcept;

struct config_changes {
    bool capture = false;                ///< a directive of `takes_effect::with_capture`
    std::vector<std::string> on_restart; ///< names of the others that cannot change now
};

/// Compares the effective values, wherever they come from.
[[nodiscard]] config_changes compare(const server_config& running, const server_config& fresh);

} // namespace fwknop
