// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/surroundings.hpp"

#include <span>

namespace fwknop::client {

/// The whole program. `argv` begins with the program's name; keys in it are overwritten. Returns
/// the exit status: 0, 1, or 2 when --wait was in vain.
[[nodiscard]] int run(std::span<char* const> argv, surroundings& world);

} // namespace fwknop::client
