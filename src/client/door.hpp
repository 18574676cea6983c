// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/settings.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace fwknop::client {

/// What a knock shall open: a TCP port of a host.
struct door {
    std::string host; ///< name or address; an IPv6 address may stand in brackets
    std::uint16_t port = 0;
    family_choice family = family_choice::any;
};

/// Tries to connect to any of the host's addresses until one accepts, for at most `limit`. A
/// filter that drops what it does not like gives no answer, and the kernel repeats itself only
/// after a second: so a new attempt begins every 100 ms (later 500), while earlier ones go on for
/// the sake of long distances. Returns how long it took; nothing when the limit passed. Problem:
/// the host has no address.
[[nodiscard]] checked<std::optional<std::chrono::milliseconds>>
wait_for_door(const door& which, std::chrono::milliseconds limit);

} // namespace fwknop::client
