// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/diagnostic.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fwknop {

/// A name as nft takes it without quotes: a letter, then letters, digits and `_`, at most 64 in
/// all. It becomes part of a ruleset's text. Nothing: it is one.
[[nodiscard]] std::optional<complaint> check_nft_name(std::string_view text);

/// The families of tables that filter IP packets.
enum class nft_family : std::uint8_t {
    inet, ///< IPv4 and IPv6
    ip,
    ip6,
};

/// "inet", "ip", "ip6".
[[nodiscard]] std::string_view name_of(nft_family family) noexcept;

/// A chain of somebody's ruleset, as NFT_INPUT_ACCESS names it: `inet, filter, input`.
struct nft_chain_name {
    nft_family family = nft_family::inet;
    std::string table;
    std::string chain;

    [[nodiscard]] static parsed<nft_chain_name> parse(std::string_view text);

    friend bool operator==(const nft_chain_name&, const nft_chain_name&) = default;
};

} // namespace fwknop
