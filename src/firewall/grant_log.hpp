// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/policy/network.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/message.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

// The lines about grants that operators have filters for. Words and order of fields are fixed.

namespace fwknop {

/// `Added <kind> rule to <chain> for <source> -> <destination or 0.0.0.0/0> <proto/port,…>,
/// expires at <unix seconds>`. `kind` is a rule's name as `name_of` has it. No services: `*/*`.
[[nodiscard]] std::string added_rule_line(std::string_view kind, std::string_view chain,
                                          const network& source,
                                          const std::optional<ip_address>& destination,
                                          std::span<const service> services, unix_time expires);

/// The same for a repeated knock: `Extended <kind> rule in <chain> for …`.
[[nodiscard]] std::string extended_rule_line(std::string_view kind, std::string_view chain,
                                             const network& source,
                                             const std::optional<ip_address>& destination,
                                             std::span<const service> services, unix_time expires);

/// `Removed rule <position> from <chain> with expire time of <unix seconds>`
[[nodiscard]] std::string removed_rule_line(std::size_t position, std::string_view chain,
                                            unix_time expires);

/// `Added jump rule from chain: <from> to chain: <to>`
[[nodiscard]] std::string added_jump_line(std::string_view from, std::string_view to);

} // namespace fwknop
