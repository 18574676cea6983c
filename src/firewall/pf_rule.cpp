// SPDX-License-Identifier: Apache-2.0
#include "firewall/pf_rule.hpp"

#include "core/spa/text.hpp"

#include <charconv>
#include <sstream>
#include <utility>

namespace fwknop {

namespace {

constexpr std::string_view expiry_mark = "_exp_";

std::optional<unix_time> parse_expiry(std::string_view text) {
    if (!text.starts_with(expiry_mark)) return std::nullopt;
    const auto seconds = parse_digits<std::int64_t>(text.substr(expiry_mark.size()));
    if (!seconds) return std::nullopt;
    return from_seconds(*seconds);
}

// The words of a listed rule, taken one by one; what is expected and not there ends it.
class words {
  public:
    explicit words(std::string_view line) : stream_{std::string{line}} { next(); }

    [[nodiscard]] bool take(std::string_view expected) {
        if (word_ != expected) return false;
        next();
        return true;
    }
    [[nodiscard]] std::string take() {
        std::string taken = word_;
        next();
        return taken;
    }
    [[nodiscard]] bool at_end() const { return word_.empty(); }

  private:
    void next() {
        word_.clear();
        stream_ >> word_;
    }
    std::istringstream stream_;
    std::string word_;
};

std::optional<fwknop::protocol> parse_protocol(std::string_view text) {
    if (text == "tcp" || text == "6") return protocol::tcp;
    if (text == "udp" || text == "17") return protocol::udp;
    return std::nullopt;
}

// pfctl unquotes what it lists as a tag, and quotes labels.
std::string unquoted(std::string text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        return text.substr(1, text.size() - 2);
    return text;
}

bool parse_port(words& line, pf_rule& rule, const port_finder& find) {
    if (!line.take("port")) return true;
    static_cast<void>(line.take("=")); // pfctl adds it
    const std::string text = line.take();
    rule.port = parse_digits<std::uint16_t>(text);
    if (!rule.port && rule.protocol && find) rule.port = find(text, *rule.protocol);
    return rule.port.has_value() && rule.protocol.has_value();
}

bool parse_ends(words& line, pf_rule& rule, const port_finder& find) {
    if (!line.take("inet")) static_cast<void>(line.take("inet6"));
    if (line.take("proto")) {
        rule.protocol = parse_protocol(line.take());
        if (!rule.protocol) return false;
    }
    if (!line.take("from")) return false;
    const auto source = network::parse(line.take());
    if (!source || !line.take("to")) return false;
    rule.source = *source;
    if (!line.take("any")) {
        const auto destination = ip_address::parse(line.take());
        if (!destination) return false;
        rule.destination = *destination;
    }
    return parse_port(line, rule, find);
}

bool parse_target(words& line, pf_rule& rule) {
    if (!line.take("->")) return false;
    const auto target = ip_address::parse(line.take());
    if (!target) return false;
    rule.target = *target;
    if (!line.take("port")) return true;
    // A range of ports is pfctl's way to tell that the source port may be changed.
    const auto port = parse_digits<std::uint16_t>(line.take());
    if (!port) return false;
    if (rule.action == pf_action::rdr) rule.target_port = port;
    return true;
}

pf_rule translation(pf_action action, const grant_key& key, unix_time expires) {
    pf_rule rule;
    rule.action = action;
    rule.inbound = false;
    rule.source = key.source;
    rule.expires = expires;
    return rule;
}

} // namespace

std::string to_text(const pf_rule& rule) {
    std::string text;
    switch (rule.action) {
    case pf_action::nat:
        text = rule.passes ? "nat pass" : "nat";
        break;
    case pf_action::rdr:
        text = rule.passes ? "rdr pass" : "rdr";
        break;
    case pf_action::pass:
        text = rule.inbound ? "pass in quick" : "pass quick";
        break;
    }
    // Filter rules leave the family to the source's address, as they ever did.
    if (rule.action != pf_action::pass) text += rule.source.is_v4() ? " inet" : " inet6";
    if (rule.protocol) text += " proto " + std::to_string(static_cast<unsigned>(*rule.protocol));
    text += " from " + rule.source.to_string();
    text += " to " + (rule.destination ? rule.destination->to_string() : "any");
    if (rule.port) text += " port " + std::to_string(*rule.port);
    const std::string expiry = std::string{expiry_mark} + std::to_string(to_seconds(rule.expires));
    if (rule.action == pf_action::pass) return text + " keep state label \"" + expiry + "\"";
    text += " tag " + expiry + " -> " + rule.target->to_string();
    if (rule.target_port) text += " port " + std::to_string(*rule.target_port);
    return text;
}

std::optional<pf_rule> parse_pf_rule(std::string_view text, const port_finder& find) {
    words line{text};
    pf_rule rule;
    rule.inbound = false;
    if (line.take("pass")) {
        rule.inbound = line.take("in");
        if (!line.take("quick") || !parse_ends(line, rule, find)) return std::nullopt;
        if (line.take("flags")) static_cast<void>(line.take()); // S/SA, pf's own idea
        if (!line.take("keep") || !line.take("state") || !line.take("label")) return std::nullopt;
        const auto expires = parse_expiry(unquoted(line.take()));
        if (!expires || !line.at_end()) return std::nullopt;
        rule.expires = *expires;
        return rule;
    }
    if (line.take("nat"))
        rule.action = pf_action::nat;
    else if (line.take("rdr"))
        rule.action = pf_action::rdr;
    else
        return std::nullopt;
    rule.passes = line.take("pass");
    if (!parse_ends(line, rule, find) || !line.take("tag")) return std::nullopt;
    const auto expires = parse_expiry(unquoted(line.take()));
    if (!expires || !parse_target(line, rule)) return std::nullopt;
    rule.expires = *expires;
    return rule;
}

std::string pf_obstacle(const grant_key& key) {
    if (!key.nat || key.nat->local) return {};
    const nat_route& route = *key.nat;
    if (!route.translate_destination)
        return "pf cannot tell forwarded connections from those to this host: forwarded access "
               "needs a host to lead to, and no DISABLE_DNAT";
    if (route.translate_source == source_translation::masquerade)
        return "pf cannot masquerade without the name of an interface: name an address of the "
               "client's family with FORCE_SNAT or SNAT_TRANSLATE_IP";
    return {};
}

std::vector<pf_rule> pf_rules_of(const grant_key& key, unix_time expires) {
    std::vector<pf_rule> rules;
    if (!pf_obstacle(key).empty()) return rules;

    pf_rule pass;
    pass.source = key.source;
    pass.destination = key.destination;
    pass.protocol = key.door.protocol;
    pass.port = key.door.port;
    pass.expires = expires;
    if (!key.nat) return {pass};

    const nat_route& route = *key.nat;
    if (!route.translate_destination) { // local, and so access to the inner port
        pass.port = route.inside.port;
        return {pass};
    }

    // With all ports of this host led to one address, a filter rule still lets in one of them.
    const bool filtered = route.all_ports && route.local;
    if (route.translate_source == source_translation::address && !route.local) {
        auto nat = translation(pf_action::nat, key, expires);
        nat.destination = route.inside.address;
        if (!route.all_ports) {
            nat.protocol = key.door.protocol;
            nat.port = route.inside.port;
        }
        nat.target = route.source_address;
        rules.push_back(nat);
    }
    auto rdr = translation(pf_action::rdr, key, expires);
    rdr.passes = !filtered;
    rdr.destination = key.destination;
    rdr.target = route.inside.address;
    if (!route.all_ports) {
        rdr.protocol = key.door.protocol;
        rdr.port = key.door.port;
        rdr.target_port = route.inside.port;
    }
    rules.push_back(rdr);
    if (route.local && !filtered) return rules;

    // Filter rules see addresses as they are after `rdr`.
    pass.inbound = route.local;
    pass.destination = route.inside.address;
    pass.port = route.inside.port;
    if (route.all_ports && !route.local) {
        pass.protocol.reset();
        pass.port.reset();
    }
    rules.push_back(pass);
    return rules;
}

} // namespace fwknop
