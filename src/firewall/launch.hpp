// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/spawn_as.hpp"

#include <optional>
#include <span>
#include <string>

namespace fwknop {

/// Starts the program at `path` with the environment that all children get, PATH and LC_ALL=C, and
/// these descriptors, which are above 2. Returns 0, or the system's error number.
[[nodiscard]] int launch(const std::string& path, std::span<const std::string> arguments,
                         const std::optional<child_identity>& run_as, int input, int output,
                         int errors, pid_t& pid);

} // namespace fwknop
