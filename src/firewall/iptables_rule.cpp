// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_rule.hpp"

#include <charconv>
#include <cstdint>
#include <iomanip>
#include <sstream>
#include <vector>

namespace fwknop {

namespace {

constexpr std::string_view expiry_tag = "_exp_";

// iptables lists words with blanks in double quotes and escapes with a backslash, which is what
// std::quoted reads.
std::vector<std::string> words_of(std::string_view text) {
    std::istringstream stream{std::string{text}};
    std::vector<std::string> words;
    for (std::string word; stream >> std::quoted(word);) words.push_back(word);
    return words;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<ip_address> parse_host(std::string_view text, ip_family family) {
    const std::size_t slash = text.find('/');
    if (slash != text.npos && text.substr(slash) != (family == ip_family::v4 ? "/32" : "/128"))
        return std::nullopt;
    const auto address = ip_address::parse(text.substr(0, slash));
    if (!address || address->family() != family) return std::nullopt;
    return *address;
}

std::optional<protocol> parse_protocol(std::string_view text) {
    for (const protocol known : {protocol::tcp, protocol::udp})
        if (text == name_of(known) || text == std::to_string(static_cast<unsigned>(known)))
            return known;
    return std::nullopt;
}

std::optional<unix_time> parse_expiry(std::string_view comment) {
    const std::size_t tag = comment.find(expiry_tag);
    if (tag == comment.npos) return std::nullopt;
    comment.remove_prefix(tag + expiry_tag.size());
    // Twelve digits are enough for 30,000 years and cannot overflow.
    const std::size_t digits = comment.find_first_not_of("0123456789");
    const auto seconds = parse_number<std::int64_t>(comment.substr(0, digits));
    if (!seconds || *seconds > 999'999'999'999) return std::nullopt;
    return from_seconds(*seconds);
}

} // namespace

std::string iptables_rule_text(const iptables_rule& rule, rule_direction direction,
                               std::string_view target) {
    const grant_key& key = rule.key;
    const bool in = direction == rule_direction::in;
    std::string text = "-p ";
    text.append(std::to_string(static_cast<unsigned>(key.door.protocol)));
    text.append(in ? " -s " : " -d ").append(key.source.to_string());
    if (key.destination) text.append(in ? " -d " : " -s ").append(key.destination->to_string());
    text.append(in ? " --dport " : " --sport ").append(std::to_string(key.door.port));
    text.append(" -m comment --comment ").append(expiry_tag);
    text.append(std::to_string(to_seconds(rule.expires))).append(" -j ").append(target);
    return text;
}

std::optional<iptables_rule> parse_iptables_rule(std::string_view text, ip_family family,
                                                 rule_direction direction,
                                                 std::string_view target) {
    const bool in = direction == rule_direction::in;
    std::optional<ip_address> source;
    std::optional<ip_address> destination;
    std::optional<protocol> transport;
    std::optional<std::uint16_t> port;
    std::optional<unix_time> expires;

    const auto words = words_of(text);
    for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
        const std::string& name = words[i];
        const std::string& value = words[i + 1];
        if (name == (in ? "-s" : "-d")) {
            if (!(source = parse_host(value, family))) return std::nullopt;
        } else if (name == (in ? "-d" : "-s")) {
            if (!(destination = parse_host(value, family))) return std::nullopt;
        } else if (name == "-p") {
            if (!(transport = parse_protocol(value))) return std::nullopt;
        } else if (name == (in ? "--dport" : "--sport")) {
            if (!(port = parse_number<std::uint16_t>(value)) || *port == 0) return std::nullopt;
        } else if (name == "--comment") {
            expires = parse_expiry(value);
            if (!expires || value != std::string{expiry_tag} + std::to_string(to_seconds(*expires)))
                return std::nullopt;
        } else if (name == "-j") {
            // What follows the target are its own defaults (`--reject-with …`), not conditions.
            if (value != target || !source || !transport || !port || !expires) return std::nullopt;
            return iptables_rule{{*source, destination, {*transport, *port}}, *expires};
        } else if (name != "-m" || (value != "tcp" && value != "udp" && value != "comment")) {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

std::optional<unix_time> iptables_rule_expiry(std::string_view text) {
    if (text.find(expiry_tag) == text.npos) return std::nullopt; // most rules: no need to split
    const auto words = words_of(text);
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] != "--comment") continue;
        if (const auto expires = parse_expiry(words[i + 1])) return expires;
    }
    return std::nullopt;
}

std::optional<std::string> iptables_rule_target(std::string_view text) {
    const auto words = words_of(text);
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] == "--comment") {
            ++i; // a comment may say anything, "-j" too
        } else if (words[i] == "-j" || words[i] == "-g") {
            return words[i + 1];
        }
    }
    return std::nullopt;
}

} // namespace fwknop
