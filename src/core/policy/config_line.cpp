// SPDX-License-Identifier: Apache-2.0
#include "core/policy/config_line.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace fwknop {
namespace {

constexpr std::string_view blanks = " \t\r\v\f";

[[nodiscard]] constexpr char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

std::string_view trim(std::string_view text) noexcept {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<config_line> line_reader::next() noexcept {
    while (!rest_.empty()) {
        const auto end = rest_.find('\n');
        const auto line = rest_.substr(0, end);
        rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
        ++number_;
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        const auto text = trim(line);
        if (text.empty()) continue;

        const auto name_end = std::min(text.find_first_of(blanks), text.size());
        const auto behind = text.substr(name_end);
        return config_line{number_, text.substr(0, name_end),
                           trim(behind.substr(0, behind.find(';')))};
    }
    return std::nullopt;
}

std::vector<std::string_view> split_list(std::string_view text) {
    std::vector<std::string_view> items;
    for (;;) {
        const auto comma = text.find(',');
        items.push_back(trim(text.substr(0, comma)));
        if (comma == std::string_view::npos) return items;
        text.remove_prefix(comma + 1);
    }
}

bool equals_ignoring_case(std::string_view left, std::string_view right) noexcept {
    return std::ranges::equal(left, right, {}, lower, lower);
}

bool is_yes(std::string_view value) noexcept {
    return !value.empty() && (value.front() == 'y' || value.front() == 'Y');
}

std::optional<config_number> read_number(std::string_view text) noexcept {
    config_number number;
    const auto* const end = text.data() + text.size();
    const auto [behind, error] = std::from_chars(text.data(), end, number.value);
    if (error != std::errc{}) return std::nullopt;
    number.remark = behind != end;
    if (number.remark && blanks.find(*behind) == std::string_view::npos) return std::nullopt;
    return number;
}

std::string printable_name(std::string_view name) {
    const auto ordinary = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '%' || c == '-' || c == '#';
    };
    // Longer than any name of ours: more likely to be a value than a slip of the finger.
    constexpr std::size_t longest = 40;
    const auto end = std::ranges::find_if_not(name, ordinary);
    const auto size = std::min(static_cast<std::size_t>(end - name.begin()), longest);
    return std::string{name.substr(0, size)} + (size < name.size() ? "…" : "");
}

} // namespace fwknop
