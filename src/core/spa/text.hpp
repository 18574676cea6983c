// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

// Plain helpers on text, independent of the locale.

namespace fwknop {

[[nodiscard]] constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// 0x20 to 0x7e.
[[nodiscard]] constexpr bool is_printable(char c) noexcept {
    return c >= 0x20 && c <= 0x7e;
}

[[nodiscard]] constexpr char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (to_lower(a[i]) != to_lower(b[i])) return false;
    }
    return true;
}

/// The whole of `text` as a decimal number of digits only (no sign, no blank), or nothing when it
/// is something else or does not fit.
template <class Number>
[[nodiscard]] std::optional<Number> parse_digits(std::string_view text) noexcept {
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// `text` with every byte outside printable ASCII, and the backslash, as \xNN: what came from the
/// network or a file must not write lines of its own into a log or a terminal.
[[nodiscard]] std::string escaped(std::string_view text);

} // namespace fwknop
