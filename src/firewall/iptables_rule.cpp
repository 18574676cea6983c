// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_rule.hpp"

#include "core/policy/stanza.hpp"

#include <charconv>
#include <cstdint>
#include <iomanip>
#include <sstream>

namespace fwknop {

namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<network> parse_network(std::string_view text, ip_family family) {
    const auto read = network::parse(text);
    if (!read || read->family() != family) return std::nullopt;
    // Not less than what SOURCE_WIDEN allows: a rule for half the world is none of ours.
    const auto widest = read->is_v4() ? widest_v4_prefix : widest_v6_prefix;
    return read->prefix_length() < widest ? std::nullopt : read;
}

std::optional<protocol> parse_protocol(std::string_view text) {
    for (const protocol known : {protocol::tcp, protocol::udp})
        if (text == name_of(known) || text == std::to_string(static_cast<unsigned>(known)))
            return known;
    return std::nullopt;
}

} // namespace

// iptables lists words with blanks in double quotes and escapes with a backslash, which is what
// std::quoted reads.
std::vector<std::string> iptables_words(std::string_view text) {
    std::istringstream stream{std::string{text}};
    std::vector<std::string> words;
    for (std::string word; stream >> std::quoted(word);) words.push_back(word);
    return words;
}

std::string to_text(const iptables_rule& rule) {
    std::string text;
    const auto option = [&text](std::string_view name, std::string_view value) {
        text.append(name).append(" ").append(value).append(" ");
    };
    if (rule.protocol) option("-p", std::to_string(static_cast<unsigned>(*rule.protocol)));
    if (rule.source) option("-s", rule.source->to_string());
    if (rule.destination) option("-d", rule.destination->to_string());
    if (rule.source_port != 0) option("--sport", std::to_string(rule.source_port));
    if (rule.destination_port != 0) option("--dport", std::to_string(rule.destination_port));
    text.append("-m comment --comment ").append(expiry_tag);
    text.append(std::to_string(to_seconds(rule.expires))).append(" -j ").append(rule.target);
    if (!rule.translation.empty()) text.append(" ").append(rule.translation);
    return text;
}

std::optional<iptables_rule> parse_iptables_rule(std::string_view text, ip_family family) {
    iptables_rule rule;
    std::optional<unix_time> expires;
    // Ours say nothing twice, as a rule of somebody else with two matches of a kind may.
    const auto take_host = [family](const std::string& value, std::optional<network>& to) {
        if (to) return false;
        to = parse_network(value, family);
        return to.has_value();
    };
    const auto take_port = [](const std::string& value, std::uint16_t& to) {
        if (to != 0) return false;
        const auto port = parse_number<std::uint16_t>(value);
        to = port.value_or(0);
        return to != 0;
    };

    const auto words = iptables_words(text);
    for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
        const std::string& name = words[i];
        const std::string& value = words[i + 1];
        if (name == "-s") {
            if (!take_host(value, rule.source)) return std::nullopt;
        } else if (name == "-d") {
            if (!take_host(value, rule.destination)) return std::nullopt;
        } else if (name == "-p") {
            if (rule.protocol || !(rule.protocol = parse_protocol(value))) return std::nullopt;
        } else if (name == "--sport") {
            if (!take_port(value, rule.source_port)) return std::nullopt;
        } else if (name == "--dport") {
            if (!take_port(value, rule.destination_port)) return std::nullopt;
        } else if (name == "--comment") {
            if (expires) return std::nullopt;
            expires = parse_expiry(value);
            if (!expires || value != std::string{expiry_tag} + std::to_string(to_seconds(*expires)))
                return std::nullopt;
        } else if (name == "-j") {
            if (!expires) return std::nullopt;
            rule.expires = *expires;
            rule.target = value;
            // What follows the target are its own options and defaults (`--reject-with …`), not
            // conditions.
            if (i + 3 < words.size() && words[i + 2].starts_with("--to-"))
                rule.translation = words[i + 2] + " " + words[i + 3];
            return rule;
        } else if (name != "-m" || (value != "tcp" && value != "udp" && value != "comment")) {
            return std::nullopt;
        }
    }
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

std::optional<unix_time> iptables_rule_expiry(std::string_view text) {
    if (text.find(expiry_tag) == text.npos) return std::nullopt; // most rules: no need to split
    const auto words = iptables_words(text);
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] != "--comment") continue;
        if (const auto expires = parse_expiry(words[i + 1])) return expires;
    }
    return std::nullopt;
}

std::optional<std::string> iptables_rule_target(std::string_view text) {
    const auto words = iptables_words(text);
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
