// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/judging.hpp"
#include "core/policy/server_config.hpp"
#include "core/policy/stanza.hpp"
#include "core/policy/stanza_index.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/packet.hpp>

#include <cstddef>
#include <vector>

namespace fwknop {

/// The authorization of a packet against the stanzas, in file order. Pure: no clock, no log, no
/// memory of earlier packets.
class gatekeeper {
  public:
    static constexpr std::size_t max_recorded_failures = judging::max_recorded_failures;

    /// `stanzas` and `server` must outlive the gatekeeper. `check_age` is off for capture files,
    /// which are old by nature.
    gatekeeper(const std::vector<stanza>& stanzas, const server_config& server, bool check_age);

    /// Whether any stanza would look at a packet from `source`: the first, cheapest question.
    [[nodiscard]] bool expects(const ip_address& source) const noexcept;

    /// Whether any stanza has GnuPG open packets.
    [[nodiscard]] bool uses_gpg() const noexcept;

    /// Begins with the stanzas that match the packet's addresses, and goes on to the end or to the
    /// first step that GnuPG must do. `packet` and the gatekeeper must outlive the judging.
    [[nodiscard]] judging begin(const candidate& packet, arrival how) const;

  private:
    const std::vector<stanza>& stanzas_;
    stanza_index index_;
    const server_config& server_;
    bool check_age_;
};

} // namespace fwknop
