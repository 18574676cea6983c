// SPDX-License-Identifier: Apache-2.0
#include "core/policy/nft_names.hpp"

#include "core/policy/config_line.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace fwknop {
namespace {

constexpr std::size_t max_name_size = 64; ///< nft allows 255; long enough to be read

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

constexpr std::array<std::string_view, 3> family_names{"inet", "ip", "ip6"};

} // namespace

std::string_view name_of(nft_family family) noexcept {
    return family_names.at(static_cast<std::size_t>(family));
}

std::optional<complaint> check_nft_name(std::string_view text) {
    const bool well_formed = !text.empty() && text.size() <= max_name_size &&
                             is_letter(text.front()) && std::ranges::all_of(text, [](char c) {
                                 return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
                             });
    if (!well_formed) {
        return complaint{"'" + std::string{text} +
                         "' is no name for nftables here: a letter, then letters, digits and _, at "
                         "most 64 in all"};
    }
    return std::nullopt;
}

parsed<nft_chain_name> nft_chain_name::parse(std::string_view text) {
    const auto fields = split_list(text);
    if (fields.size() != 3) {
        return complaint{"'" + std::string{text} +
                         "' is not family, table, chain, like inet, filter, input"};
    }
    const auto family = std::ranges::find(family_names, fields[0]);
    if (family == family_names.end()) {
        return complaint{"'" + std::string{fields[0]} +
                         "' is no family of tables, need inet, ip or "
                         "ip6"};
    }
    if (auto wrong = check_nft_name(fields[1])) return *std::move(wrong);
    if (auto wrong = check_nft_name(fields[2])) return *std::move(wrong);
    return nft_chain_name{static_cast<nft_family>(family - family_names.begin()),
                          std::string{fields[1]}, std::string{fields[2]}};
}

} // namespace fwknop
