// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/diagnostic.hpp"
#include "core/policy/network.hpp"

#include <fwknop/ip_address.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace fwknop {

/// What `SOURCE` and `DESTINATION` describe: `ANY` or a list of addresses and networks.
class network_set {
  public:
    /// Contains nothing.
    network_set() = default;

    /// `ANY`, or items separated by commas and optional blanks: `10.0.0.1`, `10.0.0.0/8`,
    /// `10.0.0.0/255.0.0.0`, `2001:db8::7`, `2001:db8::/32`. Bits behind the prefix are ignored.
    /// Empty items, host names and `/0` are refused: the last is `ANY` when meant, and a slip of
    /// the finger that opens the door to everybody when not.
    [[nodiscard]] static parsed<network_set> parse(std::string_view text);

    /// An IPv4 address mapped into IPv6 counts as the IPv4 address inside.
    [[nodiscard]] bool contains(const ip_address& candidate) const noexcept;

    [[nodiscard]] bool contains_everything() const noexcept { return any_; }

    /// All but `ANY`. None of them is an IPv4 address mapped into IPv6.
    [[nodiscard]] const std::vector<network>& networks() const noexcept { return networks_; }

  private:
    std::vector<network> networks_;
    bool any_ = false;
};

} // namespace fwknop
