// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace fwknop::crypto {

/// Fills `bytes` from the operating system's cryptographic source.
void fill_random(std::span<std::uint8_t> bytes) noexcept;

/// `count` decimal digits, each uniform.
[[nodiscard]] std::string random_digits(std::size_t count);

/// A number below `bound`, uniform. `bound` is above zero.
[[nodiscard]] std::uint32_t random_below(std::uint32_t bound) noexcept;

} // namespace fwknop::crypto
