// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/policy/decision.hpp"
#include "core/policy/server_config.hpp"
#include "core/policy/stanza.hpp"

#include <fwknop/error.hpp>
#include <fwknop/ip_address.hpp>
#include <fwknop/packet.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace fwknop {

/// What one stanza made of a packet: it did not authenticate, it was refused, or it is granted.
struct attempt {
    const stanza* entry = nullptr;
    std::variant<errc, refused, access_decision, command_decision, cycle_decision> outcome;

    [[nodiscard]] bool granted() const noexcept {
        return !std::holds_alternative<errc>(outcome) && !std::holds_alternative<refused>(outcome);
    }
};

/// Everything there is to say about one packet. Logging, counters and tests read this value.
/// Pointers into it are valid as long as the stanzas they were judged by.
struct verdict {
    /// In the order tried. Of the stanzas that the packet did not authenticate for only the first
    /// few are kept: a stranger's packet fails for every one of them.
    std::vector<attempt> attempts;
    /// The packet as the last stanza that it authenticated for opened it; none: for no stanza.
    std::optional<opened_packet> packet;
    const stanza* opened_by = nullptr;

    [[nodiscard]] bool authenticated() const noexcept { return packet.has_value(); }

    /// The attempt that was granted, whatever it asked for; or null.
    [[nodiscard]] const attempt* granted() const noexcept;

    /// The ports to open, if that is what was granted; or null.
    [[nodiscard]] const access_decision* grant() const noexcept;
};

/// The authorization of a packet against the stanzas, in file order. Pure: no clock, no log, no
/// memory of earlier packets.
class gatekeeper {
  public:
    static constexpr std::size_t max_recorded_failures = 4;

    /// `stanzas` and `server` must outlive the gatekeeper. `check_age` is off for capture files,
    /// which are old by nature.
    gatekeeper(const std::vector<stanza>& stanzas, const server_config& server, bool check_age);

    /// Whether any stanza would look at a packet from `source`: the first, cheapest question.
    [[nodiscard]] bool expects(const ip_address& source) const noexcept;

    /// Tries the packet against every stanza that matches its addresses until one grants it. A
    /// packet that authenticated but was refused goes on to the next one, unless the refusal is
    /// final. `forwarded_for`, if a proxy named it, stands for `source` where the packet asks for
    /// its own source, and nowhere else.
    [[nodiscard]] verdict
    judge(const candidate& packet, const ip_address& source, const ip_address& destination,
          std::uint16_t destination_port, unix_time now,
          const std::optional<ip_address>& forwarded_for = std::nullopt) const;

  private:
    const std::vector<stanza>& stanzas_;
    const server_config& server_;
    bool check_age_;
};

} // namespace fwknop
