// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/backend.hpp"

#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace fwknop {

/// Stops `filter`, more than once where the first time fails: what is left now is left without
/// anybody who would close it, and a shortage (of processes, descriptors, memory) may be over in a
/// moment. `first_pause` doubles with each of a few attempts. Outcome: the last one's. `filter`
/// outlives it. Throws only when it is cancelled.
[[nodiscard]] boost::asio::awaitable<backend_outcome>
tear_down(backend& filter, std::chrono::milliseconds first_pause = std::chrono::milliseconds{100});

} // namespace fwknop
