// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/diagnostic.hpp"

#include <fwknop/message.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace fwknop {

struct port_range {
    fwknop::protocol protocol = fwknop::protocol::tcp;
    std::uint16_t first = 0;
    std::uint16_t last = 0; ///< the range contains it
};

/// What `OPEN_PORTS`, `RESTRICT_PORTS` and `PROTECT_PORTS` describe.
class port_set {
  public:
    /// Contains nothing.
    port_set() = default;

    /// `tcp/22,udp/5000-5100`: `tcp` or `udp` in any case, ports 0..65535 (0 is accepted because
    /// old files have it; no packet can ask for it), optional blanks around the commas.
    [[nodiscard]] static parsed<port_set> parse(std::string_view text);

    [[nodiscard]] bool contains(const service& door) const noexcept;

    [[nodiscard]] const std::vector<port_range>& ranges() const noexcept { return ranges_; }

  private:
    std::vector<port_range> ranges_;
};

} // namespace fwknop
