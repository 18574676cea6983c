// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/ip_address.hpp>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fwknop {

/// An address and how many of its leading bits count; the others are zero. One address is a
/// network, too, which is why it turns into one by itself.
class network {
  public:
    network() = default;                     ///< 0.0.0.0 alone
    network(const ip_address& host) noexcept // NOLINT(google-explicit-constructor)
        : address_{host}, prefix_length_{bits_of(host)} {}

    /// The bits behind the prefix are cleared; a length beyond the address counts as its own.
    network(const ip_address& address, std::uint8_t prefix_length) noexcept;

    /// What `to_string` writes, and nothing but that: this is for what packet filters list. What
    /// people write is for `network_set`.
    [[nodiscard]] static std::optional<network> parse(std::string_view text);

    [[nodiscard]] bool contains(const ip_address& candidate) const noexcept;

    [[nodiscard]] const ip_address& address() const noexcept { return address_; }
    [[nodiscard]] std::uint8_t prefix_length() const noexcept { return prefix_length_; }
    [[nodiscard]] ip_family family() const noexcept { return address_.family(); }
    [[nodiscard]] bool is_v4() const noexcept { return address_.is_v4(); }
    [[nodiscard]] bool is_v6() const noexcept { return address_.is_v6(); }
    [[nodiscard]] bool is_host() const noexcept { return prefix_length_ == bits_of(address_); }

    /// `192.0.2.7`, `192.0.2.0/24`
    [[nodiscard]] std::string to_string() const;

    friend auto operator<=>(const network&, const network&) noexcept = default;

  private:
    [[nodiscard]] static std::uint8_t bits_of(const ip_address& address) noexcept {
        return address.is_v4() ? 32 : 128;
    }

    ip_address address_;
    std::uint8_t prefix_length_ = 32; ///< 0..32 or 0..128
};

} // namespace fwknop
