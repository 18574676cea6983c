// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/nat_route.hpp"
#include "firewall/grant.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/message.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

// What kinds of rule a grant needs in a packet filter that works by rules.

namespace fwknop {

enum class rule_role : std::uint8_t {
    input,      ///< lets the connection in to this host
    output,     ///< lets the answers out
    forward,    ///< lets it through to a host behind this one
    dnat,       ///< translates its destination
    snat,       ///< translates its source to an address that is named
    masquerade, ///< translates its source to that of the interface it leaves by
    end_,       ///< one past the last
};

inline constexpr std::size_t rule_role_count = static_cast<std::size_t>(rule_role::end_);

class role_set {
  public:
    constexpr role_set() noexcept = default;
    constexpr role_set(std::initializer_list<rule_role> roles) noexcept {
        for (const rule_role role : roles) add(role);
    }

    constexpr void add(rule_role role) noexcept {
        bits_ = static_cast<std::uint8_t>(bits_ | (1U << static_cast<unsigned>(role)));
    }
    [[nodiscard]] constexpr bool contains(rule_role role) const noexcept {
        return ((bits_ >> static_cast<unsigned>(role)) & 1U) != 0;
    }
    [[nodiscard]] constexpr bool contains_all(const role_set& others) const noexcept {
        return (others.bits_ & ~static_cast<unsigned>(bits_)) == 0;
    }

    // clang-tidy 14 sees a null pointer in what the compiler writes for this.
    // NOLINTNEXTLINE(modernize-use-nullptr)
    friend constexpr auto operator<=>(const role_set&, const role_set&) noexcept = default;

  private:
    std::uint8_t bits_ = 0;
};

/// A place where one grant shows up as one rule, if it has that role.
struct rule_place {
    rule_role role = rule_role::input;
    std::string chain;       ///< e.g. "FWKNOP_INPUT"
    std::string chain6 = {}; ///< for IPv6, where that has another name

    [[nodiscard]] const std::string& name_for(ip_family family) const noexcept {
        return family == ip_family::v4 || chain6.empty() ? chain : chain6;
    }
};

/// A 1-based place in a chain for each role; 0 where there is no rule.
using rule_positions = std::array<std::size_t, rule_role_count>;

/// The rules of a grant with `nat`, as far as the packet filter has a place for them.
[[nodiscard]] role_set roles_of(const std::optional<nat_route>& nat) noexcept;

/// What the log calls a rule: "access", "local NAT", "FORWARD ALL", …
[[nodiscard]] std::string_view name_of(rule_role role,
                                       const std::optional<nat_route>& nat) noexcept;

/// Whether the rule names no protocol and no port, which the log shows as `*/*`.
[[nodiscard]] bool covers_all_ports(rule_role role, const std::optional<nat_route>& nat) noexcept;

/// Whether the rule is, or may be, for the grant's destination address only, where it has one.
[[nodiscard]] constexpr bool has_destination(rule_role role) noexcept {
    return role == rule_role::input || role == rule_role::output || role == rule_role::dnat;
}

/// The key of a grant, without whatever of `destination`, `door` and `nat` no rule of it shows: so
/// grants are equal where their rules are.
[[nodiscard]] grant_key make_grant_key(const network& source,
                                       const std::optional<ip_address>& destination,
                                       const service& door, const std::optional<nat_route>& nat);

} // namespace fwknop
