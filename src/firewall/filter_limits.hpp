// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/server_config.hpp"
#include "core/policy/stanza.hpp"
#include "firewall/backend_choice.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

/// Something in the configuration that a packet filter cannot do, or not safely.
struct filter_limit {
    std::string_view directive;
    const stanza* entry = nullptr; ///< where it stands; none: in fwknopd.conf
    std::string text;              ///< a sentence with advice, without a final stop
};

/// What of the configuration the filter cannot honour; empty: it can do all of it. A firewall that
/// ignores its configuration is worse than none, so each ends the start. The stanzas outlive the
/// result. Knows of pf and ipfw; of the others nothing is said here.
[[nodiscard]] std::vector<filter_limit>
filter_limits(backend_kind kind, const server_config& config, const std::vector<stanza>& stanzas);

} // namespace fwknop
