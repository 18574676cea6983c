// SPDX-License-Identifier: Apache-2.0
#include "firewall/nft_ruleset.hpp"

#include "core/policy/network.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace fwknop {

namespace {

constexpr std::string_view protected_set = "protected";

std::string address_type(ip_family family) {
    return family == ip_family::v4 ? "ipv4_addr" : "ipv6_addr";
}

std::string protocol_word(ip_family family) {
    return family == ip_family::v4 ? "ip" : "ip6";
}

bool translates_source(rule_role role) {
    return role == rule_role::snat || role == rule_role::masquerade;
}

std::string key_type(const nft_shape& shape) {
    const std::string address = address_type(shape.family);
    std::string type = address;
    if (shape.destination || (translates_source(shape.role) && !shape.all_ports))
        type += " . " + address;
    if (!shape.all_ports) type += " . inet_proto . inet_service";
    return type;
}

std::string value_type(const nft_shape& shape) {
    const std::string address = address_type(shape.family);
    if (shape.role == rule_role::dnat)
        return shape.all_ports ? address : address + " . inet_service";
    return shape.role == rule_role::snat ? address : "inet_service";
}

// What a packet shows of a shape's key, e.g. `ip saddr & 255.255.255.0 . meta l4proto . th dport`.
std::string selector(const nft_shape& shape) {
    const std::string ip = protocol_word(shape.family);
    const bool mirror = shape.role == rule_role::output;
    std::string text = ip + (mirror ? " daddr" : " saddr");
    if (!shape.is_host()) {
        std::array<std::uint8_t, 16> ones{};
        ones.fill(0xff);
        const std::span<const std::uint8_t, 16> all{ones};
        const ip_address mask =
            shape.family == ip_family::v4 ? ip_address::v4(all.first<4>()) : ip_address::v6(all);
        text += " & " + network{mask, shape.prefix_length}.address().to_string();
    }
    if (shape.destination)
        text += " . " + ip + (mirror ? " saddr" : " daddr");
    else if (translates_source(shape.role) && !shape.all_ports)
        text += " . " + ip + " daddr";
    if (!shape.all_ports)
        text += std::string{" . meta l4proto . th "} + (mirror ? "sport" : "dport");
    return text;
}

std::string rule_of(const nft_home& home, const nft_shape& shape) {
    const std::string name = home.set_name(shape);
    const std::string ip = protocol_word(shape.family);
    switch (shape.role) {
    case rule_role::input:
    case rule_role::output:
    case rule_role::forward:
        return selector(shape) + " @" + name + " accept";
    case rule_role::dnat:
    case rule_role::snat:
        return std::string{set_stem(shape.role)} + " " + ip + " to " + selector(shape) + " map @" +
               name;
    case rule_role::masquerade:
        if (shape.all_ports) return selector(shape) + " @" + name + " masquerade";
        return "meta nfproto " + std::string{shape.family == ip_family::v4 ? "ipv4" : "ipv6"} +
               " meta l4proto { tcp, udp } masquerade to : " + selector(shape) + " map @" + name;
    case rule_role::end_:
        break;
    }
    return {};
}

struct our_chain {
    std::string name;
    std::string_view type; ///< empty: no base chain, somebody's rule must lead here
    std::string_view hook;
    std::string_view priority; ///< just before what others have there
    std::vector<rule_role> roles;
};

std::vector<our_chain> chains_of(const nft_layout& layout) {
    if (layout.mode == nft_mode::sets) return {};
    if (layout.mode == nft_mode::chain)
        return {{layout.accepting_chain(), {}, {}, {}, {rule_role::input}}};
    std::vector<our_chain> chains{{"input", "filter", "input", "filter - 5", {rule_role::input}}};
    if (!layout.nat) return chains;
    chains.push_back({"forward", "filter", "forward", "filter - 5", {rule_role::forward}});
    chains.push_back({"prerouting", "nat", "prerouting", "dstnat - 5", {rule_role::dnat}});
    if (layout.source_nat)
        chains.push_back({"postrouting",
                          "nat",
                          "postrouting",
                          "srcnat - 5",
                          {rule_role::snat, rule_role::masquerade}});
    return chains;
}

class script {
  public:
    explicit script(const nft_home& home)
        : where_{" " + std::string{name_of(home.family)} + " " + home.table} {}

    void table(std::string_view verb) {
        text_.append(verb).append(" table").append(where_).append("\n");
    }
    void line(std::string_view verb, std::string_view name, std::string_view rest = {}) {
        text_.append(verb).append(where_).append(" ").append(name);
        if (!rest.empty()) text_.append(" ").append(rest);
        text_.append("\n");
    }
    [[nodiscard]] std::string text() && { return std::move(text_); }

  private:
    std::string where_;
    std::string text_;
};

// Ports last in a transaction have the time they are given, whatever they had before.
void hide_ports(const nft_layout& layout, std::optional<std::chrono::milliseconds> time,
                script& out) {
    out.line("flush set", protected_set);
    if (time && time->count() <= 0) return;
    const std::string suffix = time ? " timeout " + std::to_string(time->count()) + "ms" : "";
    std::string elements;
    for (const port_range& range : merged(layout.protect)) {
        elements += elements.empty() ? "{ " : ", ";
        elements += std::string{name_of(range.protocol)} + " . " + std::to_string(range.first);
        if (range.last != range.first) elements += "-" + std::to_string(range.last);
        elements += suffix;
    }
    if (!elements.empty()) out.line("add element", protected_set, elements + " }");
}

std::string handle_words(const std::string& chain, std::uint64_t handle) {
    return chain + " handle " + std::to_string(handle);
}

std::vector<std::string> rules_of(const nft_home& home, const our_chain& chain,
                                  const std::set<nft_shape>& shapes) {
    std::vector<std::string> rules;
    const bool filters = chain.type == "filter";
    if (filters) {
        rules.emplace_back("ct state established,related accept");
        // What merely passes through here is none of our business.
        rules.emplace_back(chain.hook == "forward" ? "ct status & dnat != dnat accept"
                                                   : "iif lo accept");
        // Nothing but a SYN begins a connection. The rest belongs to one that exists, which
        // connection tracking need not have seen if it began to work with these very rules.
        rules.emplace_back("tcp flags & (syn | ack | rst) != syn accept");
    }
    for (const nft_shape& shape : shapes)
        if (std::ranges::find(chain.roles, shape.role) != chain.roles.end())
            rules.push_back(rule_of(home, shape));
    if (filters)
        rules.push_back("meta l4proto . th dport @" + std::string{protected_set} +
                        " drop comment \"no grant: hidden\"");
    return rules;
}

} // namespace

std::map<std::string, std::size_t, std::less<>> chain_sizes(const nft_layout& layout,
                                                            const std::set<nft_shape>& shapes) {
    std::map<std::string, std::size_t, std::less<>> sizes;
    for (const our_chain& chain : chains_of(layout))
        sizes.emplace(chain.name, rules_of(layout, chain, shapes).size());
    return sizes;
}

bool is_our_set(const nft_layout& layout, std::string_view name) {
    return (name == protected_set && layout.prefix.empty()) || layout.shape_of(name).has_value();
}

std::string hide_script(const nft_layout& layout) {
    script out{layout};
    hide_ports(layout, std::nullopt, out);
    return std::move(out).text();
}

std::string setup_script(const nft_layout& layout, const std::set<nft_shape>& shapes,
                         const nft_setup& how) {
    script out{layout};
    if (layout.mode != nft_mode::chain) out.table("add");
    for (const nft_shape& shape : shapes) {
        const std::string name = layout.set_name(shape);
        if (is_map(shape))
            out.line("add map", name,
                     "{ type " + key_type(shape) + " : " + value_type(shape) +
                         "; flags timeout; }");
        else
            out.line("add set", name, "{ type " + key_type(shape) + "; flags timeout; }");
        if (how.empty_sets.contains(name)) out.line("flush set", name);
    }
    if (layout.mode == nft_mode::protect) {
        out.line("add set", protected_set,
                 "{ type inet_proto . inet_service; flags interval, timeout; }");
        hide_ports(layout, how.hide_for, out);
    }
    for (const our_chain& chain : chains_of(layout)) {
        if (chain.type.empty())
            out.line("add chain", chain.name);
        else
            out.line("add chain", chain.name,
                     "{ type " + std::string{chain.type} + " hook " + std::string{chain.hook} +
                         " priority " + std::string{chain.priority} + "; policy accept; }");
        out.line("flush chain", chain.name);
        for (const std::string& rule : rules_of(layout, chain, shapes))
            out.line("add rule", chain.name, rule);
    }
    if (layout.mode == nft_mode::chain) {
        for (const std::uint64_t handle : how.stale_jumps)
            out.line("delete rule", handle_words(layout.base_chain, handle));
        if (how.jump)
            out.line("insert rule", layout.base_chain,
                     "jump " + layout.accepting_chain() + " comment \"" + layout.jump_comment() +
                         "\"");
    }
    return std::move(out).text();
}

namespace {

std::string leave_chain(const nft_layout& layout, const nft_objects& present, bool gently) {
    script out{layout};
    for (const std::uint64_t handle : present.jumps)
        out.line("delete rule", handle_words(layout.base_chain, handle));
    if (present.chains.contains(layout.accepting_chain())) {
        out.line("flush chain", layout.accepting_chain());
        if (!gently) out.line("delete chain", layout.accepting_chain());
    }
    for (const std::string& name : present.sets)
        if (is_our_set(layout, name)) out.line(gently ? "flush set" : "delete set", name);
    return std::move(out).text();
}

} // namespace

std::string list_script(const nft_layout& layout, const nft_objects& present) {
    script out{layout};
    for (const auto& [name, size] : chain_sizes(layout, {}))
        if (present.chains.contains(name)) out.line("list chain", name);
    for (const std::string& name : present.sets) {
        const auto shape = layout.shape_of(name);
        if (shape) out.line(is_map(*shape) ? "list map" : "list set", name);
    }
    return std::move(out).text();
}

std::string teardown_script(const nft_layout& layout, const nft_objects& present, bool gently) {
    if (layout.mode == nft_mode::chain) return leave_chain(layout, present, gently);
    const auto ours = chain_sizes(layout, {});
    const auto is_our_chain = [&ours](const std::string& name) { return ours.contains(name); };
    script out{layout};
    const auto is_our_set_here = [&layout](const std::string& name) {
        return is_our_set(layout, name);
    };
    const bool alone = std::ranges::all_of(present.chains, is_our_chain) &&
                       std::ranges::all_of(present.sets, is_our_set_here);
    if (alone && layout.mode != nft_mode::sets) {
        if (present.chains.empty() && present.sets.empty()) return {};
        out.table("delete");
        return std::move(out).text();
    }
    for (const std::string& name : present.chains)
        if (is_our_chain(name)) out.line("flush chain", name);
    for (const std::string& name : present.chains)
        if (is_our_chain(name)) out.line("delete chain", name);
    // Rules of others may refer to our sets: then they cannot be deleted.
    for (const std::string& name : present.sets)
        if (is_our_set_here(name)) out.line("flush set", name);
    return std::move(out).text();
}

} // namespace fwknop
