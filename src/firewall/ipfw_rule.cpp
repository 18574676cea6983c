// SPDX-License-Identifier: Apache-2.0
#include "firewall/ipfw_rule.hpp"

#include "core/spa/text.hpp"

#include <algorithm>
#include <cstddef>
#include <sstream>
#include <utility>

namespace fwknop {

namespace {

constexpr std::string_view expiry_mark = "_exp_";
constexpr std::string_view disabled_mark = "# DISABLED ";
constexpr std::string_view dynamic_header = "## Dynamic rules";

// Anywhere in the comment, for others may write more there.
std::optional<unix_time> find_expiry(std::string_view comment) {
    const std::size_t mark = comment.find(expiry_mark);
    if (mark == comment.npos) return std::nullopt;
    std::string_view digits = comment.substr(mark + expiry_mark.size());
    std::size_t count = 0;
    while (count < digits.size() && is_digit(digits[count])) ++count;
    const auto seconds = parse_digits<std::int64_t>(digits.substr(0, count));
    if (!seconds) return std::nullopt;
    return from_seconds(*seconds);
}

// Reads a listed rule's own words; ipfw calls `pass` `allow`, and may name the flow of a state.
std::optional<ipfw_rule> parse_rule(const std::string& text) {
    ipfw_rule rule;
    std::istringstream words{text};
    std::string word;
    const auto next = [&words, &word]() -> const std::string& {
        word.clear();
        words >> word;
        return word;
    };
    if (next() != "allow" && word != "pass") return std::nullopt;
    if (next() != "tcp" && word != "udp") return std::nullopt;
    rule.door.protocol = word == "tcp" ? protocol::tcp : protocol::udp;
    if (next() != "from") return std::nullopt;
    const auto source = network::parse(next());
    if (!source || next() != "to") return std::nullopt;
    rule.source = *source;
    if (next() != (source->is_v4() ? "me" : "me6")) {
        const auto destination = ip_address::parse(word);
        if (!destination) return std::nullopt;
        rule.destination = *destination;
    }
    if (next() != "dst-port") return std::nullopt;
    const auto port = parse_digits<std::uint16_t>(next());
    if (!port) return std::nullopt;
    rule.door.port = *port;
    if (next() == "setup") next();
    if (word != "keep-state") return std::nullopt;
    if (next().starts_with(':')) next();
    if (word != "//") return std::nullopt;
    const auto expires = find_expiry(next());
    if (!expires || word != std::string{expiry_mark} + std::to_string(to_seconds(*expires)) ||
        !next().empty())
        return std::nullopt;
    rule.expires = *expires;
    return rule;
}

// `10000 set 1 allow …`
std::optional<listed_ipfw_rule> parse_line(std::string_view line) {
    if (line.starts_with(disabled_mark)) line.remove_prefix(disabled_mark.size());
    std::istringstream words{std::string{line}};
    std::string number;
    std::string keyword;
    std::string set;
    words >> number >> keyword >> set >> std::ws;
    const auto parsed_number = parse_digits<std::uint16_t>(number);
    const auto parsed_set = parse_digits<unsigned>(set);
    if (!parsed_number || keyword != "set" || !parsed_set) return std::nullopt;

    listed_ipfw_rule rule;
    rule.number = *parsed_number;
    rule.set = *parsed_set;
    std::getline(words, rule.text);
    rule.check_state = rule.text.starts_with("check-state");
    if (const std::size_t comment = rule.text.find("//"); comment != rule.text.npos)
        rule.expires = find_expiry(std::string_view{rule.text}.substr(comment));
    if (rule.expires) rule.ours = parse_rule(rule.text);
    return rule;
}

} // namespace

std::string to_text(const ipfw_rule& rule) {
    std::string text = "pass " + std::string{name_of(rule.door.protocol)};
    text += " from " + rule.source.to_string() + " to ";
    if (rule.destination)
        text += rule.destination->to_string();
    else
        text += rule.source.is_v4() ? "me" : "me6";
    text += " dst-port " + std::to_string(rule.door.port);
    // The flag is one of TCP's: no packet of UDP has it.
    if (rule.door.protocol == protocol::tcp) text += " setup";
    text += " keep-state // ";
    return text.append(expiry_mark).append(std::to_string(to_seconds(rule.expires)));
}

ipfw_rule ipfw_rule_of(const grant_key& key, unix_time expires) {
    return {key.source, key.destination, key.door, expires};
}

grant_key key_of(const ipfw_rule& rule) {
    return {rule.source, rule.destination, rule.door};
}

ipfw_listing parse_ipfw_listing(std::string_view text) {
    ipfw_listing listing;
    bool dynamic = false;
    std::istringstream lines{std::string{text}};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(dynamic_header)) {
            dynamic = true;
        } else if (dynamic) {
            // `10000 12 1234 (20s) STATE tcp …`: the number is that of the rule behind it.
            const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
            const std::size_t end = std::min(line.find(' ', begin), line.size());
            if (const auto number =
                    parse_digits<std::uint16_t>(std::string_view{line}.substr(begin, end - begin)))
                listing.in_use.insert(*number);
        } else if (auto rule = parse_line(line)) {
            listing.rules.push_back(std::move(*rule));
        }
    }
    return listing;
}

} // namespace fwknop
