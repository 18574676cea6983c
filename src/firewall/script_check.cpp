// SPDX-License-Identifier: Apache-2.0
//
// The attack: whoever has taken the daemon over has a packet filter's program start a program of
// his, with all that the helper hands down and outside the filter of system calls. iptables-restore
// takes `--modprobe` in any line of its input.

#include "firewall/script_check.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

namespace fwknop {

namespace {

constexpr std::string_view blanks = " \t";

/// Takes the next word off `line`, with its quotes undone. None: its quotes are not placed in the
/// one way that all readers of such lines understand alike: around whole words.
std::optional<std::string> take_word(std::string_view& line) {
    std::string word;
    if (!line.starts_with('"')) {
        word = line.substr(0, line.find_first_of(blanks));
        line.remove_prefix(word.size());
        return word.find('"') == word.npos ? std::optional{word} : std::nullopt;
    }
    for (std::size_t i = 1; i < line.size(); ++i) {
        if (line[i] == '"') {
            const std::string_view rest = line.substr(i + 1);
            if (!rest.empty() && blanks.find(rest.front()) == blanks.npos) return std::nullopt;
            line = rest;
            return word;
        }
        if (line[i] == '\\' && ++i == line.size()) break;
        word += line[i];
    }
    return std::nullopt;
}

bool is_harmless_line(std::string_view line) {
    if (line.size() > max_iptables_line) return false;
    for (;;) {
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
        if (line.empty()) return true;
        const auto word = take_word(line);
        if (!word || may_name_program(*word)) return false;
    }
}

bool is_harmless_iptables(std::string_view text) {
    const auto is_control = [](unsigned char c) { return c < ' ' && c != '\t' && c != '\n'; };
    if (std::ranges::any_of(text, is_control)) return false;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (!is_harmless_line(line)) return false;
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return true;
}

bool is_harmless_nft(std::string_view text) {
    constexpr std::string_view include = "include";
    for (auto at = text.find(include); at != text.npos; at = text.find(include, at)) {
        at += include.size();
        const auto next = text.find_first_not_of(" \t\r\n\\", at);
        if (next != text.npos && text[next] == '"') return false;
    }
    return true;
}

} // namespace

bool may_name_program(std::string_view word) {
    constexpr std::string_view option = "modprobe";
    if (!word.starts_with('-')) return false;
    // Short options may stand together, with the last one's value behind them.
    if (!word.starts_with("--")) return word.find('M') != word.npos;
    const std::string_view name = word.substr(2, word.find('=') - 2);
    return !name.empty() && option.starts_with(name);
}

bool is_harmless(listed_input kind, std::string_view text) {
    switch (kind) {
    case listed_input::anything:
        return true;
    case listed_input::iptables_script:
        return is_harmless_iptables(text);
    case listed_input::nft_script:
        return is_harmless_nft(text);
    }
    return false;
}

} // namespace fwknop
