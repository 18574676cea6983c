// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The line syntax that fwknopd.conf and access.conf share, and the values found in both.

namespace fwknop {

/// One line that is neither blank nor a comment. Views into the text it was read from.
struct config_line {
    std::size_t number = 0; ///< 1-based
    std::string_view name;  ///< the first word
    std::string_view value; ///< the rest up to `;` or the line's end, without blanks around it
};

/// Walks over a text. Lines with nothing but blanks, or with `#` or `;` in their first column, are
/// skipped; a `#` further on belongs to the value.
class line_reader {
  public:
    explicit line_reader(std::string_view text) noexcept : rest_{text} {}

    [[nodiscard]] std::optional<config_line> next() noexcept;

  private:
    std::string_view rest_;
    std::size_t number_ = 0;
};

[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// The comma-separated items of `text`, trimmed; an empty item stays, so that it can be refused.
[[nodiscard]] std::vector<std::string_view> split_list(std::string_view text);

/// ASCII letters only: configuration names do not depend on the locale.
[[nodiscard]] bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept;

/// A first letter y or Y is yes, everything else is no.
[[nodiscard]] bool is_yes(std::string_view value) noexcept;

/// A decimal number, without sign. Users of the 2.6 line write remarks behind numbers, which were
/// ignored: `remark` says that there is one.
struct config_number {
    std::uint64_t value = 0;
    bool remark = false;
};
[[nodiscard]] std::optional<config_number> read_number(std::string_view text) noexcept;

/// `name` as far as it may be shown: a line like `KEY=secret` has its secret in the first word.
[[nodiscard]] std::string printable_name(std::string_view name);

} // namespace fwknop
