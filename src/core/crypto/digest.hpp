// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/algorithm.hpp>
#include <fwknop/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace fwknop::crypto {

/// A digest of any type, without allocation.
struct digest_value {
    std::array<std::uint8_t, 64> storage{};
    std::size_t size = 0;

    [[nodiscard]] std::span<const std::uint8_t> bytes() const noexcept {
        return {storage.data(), size};
    }
};

/// Error: `crypto_library_failed`, when this build of the crypto library lacks the algorithm.
[[nodiscard]] result<digest_value> compute_digest(digest_type type, std::string_view text);

/// Equal length and content; time depends on the lengths only.
[[nodiscard]] bool equal_constant_time(std::string_view a, std::string_view b) noexcept;

} // namespace fwknop::crypto
