// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/error.hpp>

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fwknop {

enum class ip_family : std::uint8_t {
    v4,
    v6,
};

/// An IPv4 or IPv6 address, network byte order. The default is 0.0.0.0. IPv4 addresses mapped into
/// IPv6 (::ffff:a.b.c.d) stay IPv6 here; `unmapped` turns them.
class ip_address {
  public:
    constexpr ip_address() noexcept = default;

    [[nodiscard]] static ip_address v4(std::span<const std::uint8_t, 4> bytes) noexcept;
    [[nodiscard]] static ip_address v6(std::span<const std::uint8_t, 16> bytes) noexcept;

    /// A dotted quad (no leading zeros, which some read as octal) or an IPv6 literal without
    /// brackets or zone. Error: `errc::ip_address_malformed`.
    [[nodiscard]] static result<ip_address> parse(std::string_view text);

    [[nodiscard]] ip_family family() const noexcept { return family_; }
    [[nodiscard]] bool is_v4() const noexcept { return family_ == ip_family::v4; }
    [[nodiscard]] bool is_v6() const noexcept { return family_ == ip_family::v6; }

    /// 0.0.0.0 or ::, which in an access message stand for "the packet's source".
    [[nodiscard]] bool is_unspecified() const noexcept;

    /// The IPv4 address inside ::ffff:a.b.c.d, else this address.
    [[nodiscard]] ip_address unmapped() const noexcept;

    /// 4 or 16 bytes, valid as long as this object.
    [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
        return {bytes_.data(), is_v4() ? std::size_t{4} : std::size_t{16}};
    }

    [[nodiscard]] std::string to_string() const;

    // NOLINTNEXTLINE(modernize-use-nullptr): a comparison with 0 is taken for one with a pointer
    friend auto operator<=>(const ip_address&, const ip_address&) noexcept = default;

  private:
    std::array<std::uint8_t, 16> bytes_{}; ///< IPv4: the first four, the rest zero
    ip_family family_ = ip_family::v4;
};

} // namespace fwknop
