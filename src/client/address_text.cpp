// SPDX-License-Identifier: Apache-2.0
#include "client/address_text.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

// The attack: whoever can change the answer chooses for whom the firewall opens. Nothing helps
// against a good lie but TLS; what is refused here are answers that would change what is asked for.

namespace fwknop::client {
namespace {

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr bool is_address_character(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

/// Beside one of these, an address is a part of something else.
constexpr bool is_word_character(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

/// An address alone, one with the punctuation of a sentence around it, or an IPv4 one with a port.
std::optional<ip_address> address_of_run(std::string_view run) {
    if (run.starts_with(':') && !run.starts_with("::")) run.remove_prefix(1);
    if (run.ends_with('.')) run.remove_suffix(1);
    if (run.ends_with(':') && !run.ends_with("::")) run.remove_suffix(1);
    auto found = ip_address::parse(run);
    if (!found) found = ip_address::parse(run.substr(0, run.find(':')));
    if (!found) return std::nullopt;
    return found->unmapped();
}

bool fits(const ip_address& address, family_choice family) {
    return family == family_choice::any || address.is_v4() == (family == family_choice::v4_only);
}

/// Why nobody can be reached at this address, or nothing.
std::optional<std::string> flaw_of(const ip_address& address) {
    constexpr std::uint8_t loopback_net = 127;
    constexpr std::uint8_t first_multicast_net = 224; ///< and reserved ones from there on
    constexpr std::uint8_t multicast_v6 = 0xff;
    const auto first = address.bytes().front();
    if (address.is_unspecified()) return "stands for no address at all";
    if (address.is_v4() ? first == loopback_net : address == *ip_address::parse("::1"))
        return "is a loopback address";
    if (address.is_v4() ? first >= first_multicast_net : first == multicast_v6)
        return "is a multicast or reserved address";
    return std::nullopt;
}

} // namespace

checked<ip_address> address_in(std::string_view text, family_choice family) {
    for (std::size_t start = 0; start < text.size();) {
        if (!is_address_character(text[start])) {
            ++start;
            continue;
        }
        auto end = start;
        while (end < text.size() && is_address_character(text[end])) ++end;
        const auto run = text.substr(start, end - start);
        // "IP:192.0.2.7" is fine: the colon stands between.
        const bool word_before = start > 0 && is_word_character(text[start - 1]) && run[0] != ':';
        const bool word_after = end < text.size() && is_word_character(text[end]);
        start = end;
        if (word_before || word_after) continue;
        const auto found = address_of_run(run);
        if (!found || !fits(*found, family)) continue;
        if (const auto flaw = flaw_of(*found))
            return failure("the answer is " + found->to_string() + ", which " + *flaw);
        return *found;
    }
    const std::string kind = family == family_choice::v4_only   ? "IPv4"
                             : family == family_choice::v6_only ? "IPv6"
                                                                : "IP";
    return failure("the answer holds no " + kind + " address");
}

} // namespace fwknop::client
