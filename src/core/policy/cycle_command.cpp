// SPDX-License-Identifier: Apache-2.0
//
// Values come from a packet, and packets from whoever has a key. So commands are divided into words
// first and values are put into words afterwards: no value can become an argument of its own, and
// none is searched for further variables.

#include "core/policy/cycle_command.hpp"

#include "core/spa/text.hpp"

#include <algorithm>

namespace fwknop {
namespace {

using value_of = std::string (*)(const cycle_values&);

struct variable {
    std::string_view name;
    value_of value;
};

constexpr variable variables[] = {
    {"IP", [](const cycle_values& v) { return v.allow.to_string(); }},
    {"SRC", [](const cycle_values& v) { return v.allow.to_string(); }},
    {"PKT_SRC", [](const cycle_values& v) { return v.packet_source.to_string(); }},
    {"DST", [](const cycle_values& v) { return v.packet_destination.to_string(); }},
    {"DST_PORT", [](const cycle_values& v) { return std::to_string(v.packet_port); }},
    {"PROTO",
     [](const cycle_values& v) { return std::to_string(static_cast<int>(v.door.protocol)); }},
    {"PORT", [](const cycle_values& v) { return std::to_string(v.door.port); }},
    {"CLIENT_TIMEOUT", [](const cycle_values& v) { return std::to_string(v.timeout.count()); }},
    {"TIMEOUT", [](const cycle_values& v) { return std::to_string(v.expires); }},
    {"USER", [](const cycle_values& v) { return v.user; }},
    {"STANZA", [](const cycle_values& v) { return std::to_string(v.stanza); }},
};

/// The variable with the longest name at the beginning of `text`, which follows a `$`; or null.
[[nodiscard]] const variable* variable_at(std::string_view text) noexcept {
    const variable* found = nullptr;
    for (const variable& each : variables) {
        if (text.starts_with(each.name) &&
            (found == nullptr || each.name.size() > found->name.size())) {
            found = &each;
        }
    }
    return found;
}

[[nodiscard]] std::string fill(std::string_view word, const cycle_values& values) {
    std::string out;
    for (std::size_t at = 0; at < word.size();) {
        const variable* const found = word[at] == '$' ? variable_at(word.substr(at + 1)) : nullptr;
        if (found == nullptr) {
            out += word[at++];
            continue;
        }
        out += found->value(values);
        at += 1 + found->name.size();
    }
    return out;
}

} // namespace

std::vector<std::string> fill_cycle_words(const std::vector<std::string>& words,
                                          const cycle_values& values) {
    std::vector<std::string> filled;
    filled.reserve(words.size());
    for (const std::string& word : words) filled.push_back(fill(word, values));
    return filled;
}

std::vector<std::string> unknown_variables(std::string_view command) {
    std::vector<std::string> names;
    for (auto at = command.find('$'); at != std::string_view::npos;
         at = command.find('$', at + 1)) {
        const auto rest = command.substr(at + 1);
        if (variable_at(rest) != nullptr) continue;
        const auto end = std::ranges::find_if_not(rest, [](char c) {
            return is_digit(c) || c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        });
        names.push_back("$" + std::string{rest.begin(), end});
    }
    return names;
}

} // namespace fwknop
