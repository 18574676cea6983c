// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/server_config.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fwknop {

/// A switch that a first letter other than n or N leaves on: the `FLUSH_*` family.
struct on_unless_no {
    bool server_config::*member;
};

/// Where a value is stored, which also says how it is read.
using server_member =
    std::variant<bool server_config::*, on_unless_no, std::uint32_t server_config::*,
                 std::string server_config::*, std::vector<std::string> server_config::*,
                 chain_spec server_config::*>;

/// Both ends belong to the range.
struct number_range {
    std::uint32_t low = 0;
    std::uint32_t high = 8'388'608; ///< what the 2.6 line allows wherever it knows nothing better
};

/// One directive of fwknopd.conf.
struct server_directive {
    std::string_view name;
    server_member member;
    std::string_view default_text; ///< empty: not set, the member's initialiser counts
    std::string_view sentence;     ///< for manuals and `--dump-config`
    number_range range{};          ///< of numbers
};

/// Every directive, in the order of `--dump-config`: first those that fwknopd 2.6 lists, under
/// their old numbers, then all others.
[[nodiscard]] std::span<const server_directive> server_directives() noexcept;

/// The index of `name` in `server_directives`; names are case-sensitive.
[[nodiscard]] std::optional<std::size_t> find_server_directive(std::string_view name) noexcept;

} // namespace fwknop
