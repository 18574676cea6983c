// SPDX-License-Identifier: Apache-2.0
#include "core/policy/chain_spec.hpp"

#include "core/policy/config_line.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace fwknop {
namespace {

constexpr std::uint64_t highest_position = 65536;

[[nodiscard]] bool is_chain_name(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    });
}

[[nodiscard]] std::optional<int> read_position(std::string_view text) noexcept {
    const auto number = read_number(text);
    if (!number || number->remark || number->value > highest_position) return std::nullopt;
    return static_cast<int>(number->value);
}

} // namespace

parsed<chain_spec> chain_spec::parse(std::string_view text) {
    constexpr std::size_t field_count = 6;
    const auto fields = split_list(text);
    if (fields.size() != field_count) {
        return complaint{"'" + std::string{text} + "' has " + std::to_string(fields.size()) +
                         " fields, need six: target, table, from-chain, jump position, to-chain, "
                         "rule position"};
    }
    for (const std::size_t i : {0U, 1U, 2U, 4U}) {
        if (!is_chain_name(fields[i])) {
            return complaint{"'" + std::string{fields[i]} +
                             "' is no name of a target, table or chain, which has letters, digits "
                             "and _ only"};
        }
    }
    for (const std::string_view builtin :
         {"INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING"}) {
        if (fields[4] == builtin || fields[4] == fields[2]) {
            return complaint{"'" + std::string{fields[4]} +
                             "' cannot be the to-chain: it is emptied and removed, so it must be a "
                             "chain of its own, e.g. FWKNOP_INPUT"};
        }
    }
    const auto jump = read_position(fields[3]);
    const auto rule = read_position(fields[5]);
    if (!jump || !rule) {
        return complaint{"'" + std::string{fields[jump ? 5 : 3]} +
                         "' is no position, which is a number in the range 0-65536"};
    }
    return chain_spec{std::string{fields[0]}, std::string{fields[1]},
                      std::string{fields[2]}, *jump,
                      std::string{fields[4]}, *rule};
}

} // namespace fwknop
