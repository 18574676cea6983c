// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/decision.hpp"
#include "core/policy/nat_route.hpp"
#include "core/policy/server_config.hpp"
#include "core/policy/stanza.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/message.hpp>

#include <optional>
#include <string>

namespace fwknop {

/// What NAT makes of a request for access.
struct nat_plan {
    std::optional<refused> no;      ///< set: the request must not be granted
    std::optional<nat_route> route; ///< none: access to this host itself
    std::string host;               ///< not empty: `route->inside.address` is to be looked up
};

/// Whether the configuration lets a message of this type ask for NAT. True for all other types.
[[nodiscard]] bool nat_allowed(message_type type, const server_config& server) noexcept;

/// The route of an access request for `source`: where the client asks to go or, before that,
/// where the stanza forces everybody.
[[nodiscard]] nat_plan plan_nat(const message& request, const stanza& entry,
                                const server_config& server, const ip_address& source);

} // namespace fwknop
