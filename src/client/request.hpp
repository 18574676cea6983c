// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/checked.hpp"
#include "client/settings.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/message.hpp>

#include <cstdint>
#include <string>

namespace fwknop::client {

/// What the outside world contributes to a request.
struct circumstances {
    ip_address allow;              ///< the address to open for, resolved; unspecified for -s
    std::string user;              ///< see choose_user_name
    std::int64_t now = 0;          ///< Unix seconds, before the offset
    std::uint16_t random_port = 0; ///< for --nat-rand-port, 10000..65534
};

struct request {
    fwknop::message message;    ///< without the random value
    std::string announcement;   ///< for people, empty unless a random port was assigned
    std::uint16_t tcp_port = 0; ///< the first TCP port that shall open, 0 if there is none
};

/// Whether everything needed was given. What is missing is named in the order destination, address,
/// request.
[[nodiscard]] checked<void> check_completeness(const settings& from);

/// What an unresolved `-s` stands for: `::` where the packet can only travel over IPv6, else
/// 0.0.0.0.
[[nodiscard]] ip_address source_placeholder(const settings& from);

/// Turns the settings into the fields of a packet. Pure. Problems: whatever cannot be asked for.
[[nodiscard]] checked<request> build_request(const settings& from, const circumstances& given);

} // namespace fwknop::client
