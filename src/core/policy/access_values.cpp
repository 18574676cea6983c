// SPDX-License-Identifier: Apache-2.0
#include "core/policy/access_values.hpp"

#include "core/policy/config_line.hpp"

#include <algorithm>
#include <cstdint>

namespace fwknop {
namespace {

[[nodiscard]] bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// A run of 1 to `longest` digits.
[[nodiscard]] std::optional<unsigned> short_number(std::string_view text, std::size_t longest) {
    if (text.empty() || text.size() > longest || !std::ranges::all_of(text, is_digit)) {
        return std::nullopt;
    }
    return static_cast<unsigned>(read_number(text)->value);
}

} // namespace

std::optional<std::chrono::year_month_day> read_date(std::string_view text) {
    constexpr unsigned century = 2000;
    const auto first = text.find('/');
    const auto second = first == std::string_view::npos ? first : text.find('/', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    const auto year_text = text.substr(second + 1);
    const auto month = short_number(text.substr(0, first), 2);
    const auto day = short_number(text.substr(first + 1, second - first - 1), 2);
    const auto year = short_number(year_text, 4);
    if (!month || !day || !year || (year_text.size() != 2 && year_text.size() != 4)) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{
        std::chrono::year{static_cast<int>(year_text.size() == 2 ? century + *year : *year)},
        std::chrono::month{*month}, std::chrono::day{*day}};
    if (!date.ok()) return std::nullopt;
    return date;
}

parsed<nat_endpoint> read_endpoint(std::string_view text) {
    constexpr std::uint64_t highest_port = 65535;
    const auto blank = text.find_first_of(" \t");
    if (blank == std::string_view::npos) {
        return complaint{"arg '" + std::string{text} + "', need <IP> <PORT>"};
    }
    const auto address = ip_address::parse(text.substr(0, blank));
    if (!address) return complaint{"IP '" + std::string{text.substr(0, blank)} + "'"};
    const auto port_text = trim(text.substr(blank));
    const auto port = read_number(port_text);
    if (!port || port->remark || port->value > highest_port) {
        return complaint{"port '" + std::string{port_text} + "', need 0 to 65535"};
    }
    return nat_endpoint{*address, static_cast<std::uint16_t>(port->value)};
}

parsed<widen_settings> read_widths(std::string_view text) {
    const auto bad = [&] {
        return complaint{"'" + std::string{text} +
                         "' is no width, need /16 to /32 for IPv4 and /48 to /128 for IPv6, like "
                         "24 or /24,/56"};
    };
    const auto items = split_list(text);
    if (items.size() > 2 || (items.size() == 2 && items[1].empty())) return bad();

    widen_settings widths;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (items[i].empty()) continue;
        const auto number = read_number(items[i].substr(items[i].front() == '/' ? 1 : 0));
        const auto low = i == 0 ? widest_v4_prefix : widest_v6_prefix;
        const std::uint64_t high = i == 0 ? 32 : 128;
        if (!number || number->remark || number->value < low || number->value > high) return bad();
        (i == 0 ? widths.v4_prefix : widths.v6_prefix) = static_cast<std::uint8_t>(number->value);
    }
    return widths;
}

parsed<std::vector<std::string>> read_gpg_ids(std::string_view text, bool full) {
    std::vector<std::string> ids;
    for (const auto item : split_list(text)) {
        const bool prefixed = item.starts_with("0x") || item.starts_with("0X");
        std::string id{item.substr(prefixed ? 2 : 0)};
        for (auto& c : id) {
            if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
        }
        const bool hex =
            std::ranges::all_of(id, [](char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); });
        const auto size = id.size();
        if (!hex || !(size == 40 || (!full && (size == 8 || size == 16)))) {
            return complaint{"'" + std::string{item} + "', need " +
                             (full ? "the 40 hex digits of a fingerprint"
                                   : "the 8, 16 or 40 hex digits of a key id")};
        }
        ids.push_back(std::move(id));
    }
    return ids;
}

} // namespace fwknop
