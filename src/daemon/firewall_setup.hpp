// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/server_config.hpp"
#include "firewall/backend.hpp"

#include <memory>

namespace fwknop::daemon {

/// The packet filter that the configuration asks for. Throws std::runtime_error, with the remedy,
/// when its programs are missing.
[[nodiscard]] std::unique_ptr<backend> make_backend(const server_config& config);

} // namespace fwknop::daemon
