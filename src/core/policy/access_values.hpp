// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/diagnostic.hpp"
#include "core/policy/stanza.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The small languages inside single values of access.conf.

namespace fwknop {

/// `MM/DD/YYYY`, or a two-digit year, which is one of 20xx. Nothing for a day that does not exist.
[[nodiscard]] std::optional<std::chrono::year_month_day> read_date(std::string_view text);

/// `<IP> <PORT>`, of FORCE_NAT.
[[nodiscard]] parsed<nat_endpoint> read_endpoint(std::string_view text);

/// `24`, `/24`, `/24,/56` or `,/56`, of SOURCE_WIDEN. At most /16 and /48: a wider hole would let
/// in whole networks of strangers.
[[nodiscard]] parsed<widen_settings> read_widths(std::string_view text);

/// Key identities of 8, 16 or 40 hex digits in any case, with or without `0x`, separated by
/// commas; only 40 digits where `full` fingerprints are asked for. Upper-case without `0x`.
[[nodiscard]] parsed<std::vector<std::string>> read_gpg_ids(std::string_view text, bool full);

} // namespace fwknop
