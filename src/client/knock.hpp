// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/settings.hpp"
#include "client/surroundings.hpp"

#include <functional>

namespace fwknop::client {

/// The client's main job: makes the packet that the settings ask for and sends it, or with --test
/// opens it again; with --wait waits until the port is open. `save` runs when the packet is made,
/// so that nothing bad is ever saved. Returns the exit status: 2 when the port stayed shut.
/// Problem: nothing was sent.
[[nodiscard]] checked<int> knock(settings& from, surroundings& world,
                                 const std::function<checked<void>()>& save);

} // namespace fwknop::client
