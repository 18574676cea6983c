// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_adopt.hpp"

#include "core/spa/text.hpp"
#include "firewall/iptables_grant_rule.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace fwknop {

namespace {

constexpr std::string_view to_destination = "--to-destination ";
constexpr std::string_view to_source = "--to-source ";
constexpr std::string_view to_ports = "--to-ports ";

std::optional<std::string_view> value_of(const iptables_rule& rule, std::string_view option) {
    const std::string_view text{rule.translation};
    if (!text.starts_with(option)) return std::nullopt;
    return text.substr(option.size());
}

// `10.0.0.5:22`, `[fd00::5]:22`, or an address alone.
std::optional<nat_endpoint> parse_endpoint(std::string_view text) {
    nat_endpoint end;
    if (const auto alone = ip_address::parse(text)) {
        end.address = *alone;
        return end;
    }
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto address = ip_address::parse(host);
    const auto port = parse_digits<std::uint16_t>(text.substr(colon + 1));
    if (!address || !port) return std::nullopt;
    end = {*address, *port};
    return end;
}

// Destinations are addresses; a rule that names a network there is not found again, and so no
// grant.
std::optional<ip_address> host_of(const std::optional<network>& found) {
    if (!found) return std::nullopt;
    return found->address();
}

class joiner {
  public:
    explicit joiner(const std::vector<found_rule>& found) : found_{found}, used_(found.size()) {
        for (std::size_t i = 0; i < found.size(); ++i) {
            const found_rule& each = found[i];
            targets_[index_of(each.role)] = each.rule.target;
            by_text_[index_of(each.role)].emplace(to_text(each.rule), i);
            if (each.role == rule_role::snat || each.role == rule_role::masquerade)
                sources_.emplace(each.rule.expires, i);
        }
    }

    adoption join() {
        each(rule_role::dnat, [this](const iptables_rule& rule) { from_dnat(rule); });
        each(rule_role::forward, [this](const iptables_rule& rule) { from_forward(rule); });
        each(rule_role::input, [this](const iptables_rule& rule) { from_input(rule); });
        each(rule_role::output, [this](const iptables_rule& rule) { from_output(rule); });
        for (std::size_t i = 0; i < found_.size(); ++i)
            if (!used_[i]) result_.tagged.push_back(found_[i].place);
        return std::move(result_);
    }

  private:
    static std::size_t index_of(rule_role role) { return static_cast<std::size_t>(role); }

    template <class Function>
    void each(rule_role role, Function function) {
        for (std::size_t i = 0; i < found_.size(); ++i)
            if (!used_[i] && found_[i].role == role) function(found_[i].rule);
    }

    // Takes `key` for a grant if all its rules are there, and not yet one: of two that differ in
    // their expiry the second merely ends in time.
    bool take(const grant_key& raw, unix_time expires) {
        const auto key = make_grant_key(raw.source, raw.destination, raw.door, raw.nat);
        if (keys_.contains(key)) return false;
        std::vector<std::size_t> rules;
        for (std::size_t i = 0; i < rule_role_count; ++i) {
            const auto role = static_cast<rule_role>(i);
            // Whether answers have rules of their own may have changed since.
            if (role == rule_role::output || !roles_of(key.nat).contains(role)) continue;
            const auto at = find(role, key, expires);
            if (!at) return false;
            rules.push_back(*at);
        }
        for (const std::size_t at : rules) used_[at] = true;
        keys_.insert(key);
        if (const auto mirror = find(rule_role::output, key, expires)) used_[*mirror] = true;
        result_.grants.push_back({key, expires});
        return true;
    }

    [[nodiscard]] std::optional<std::size_t> find(rule_role role, const grant_key& key,
                                                  unix_time expires) const {
        const auto rule = grant_rule(role, key, expires, targets_[index_of(role)]);
        if (!rule) return std::nullopt;
        const auto [first, last] = by_text_[index_of(role)].equal_range(to_text(*rule));
        for (auto it = first; it != last; ++it)
            if (!used_[it->second]) return it->second;
        return std::nullopt;
    }

    // With each translation of the source that a rule is there for, and last with none.
    bool take_with_source(grant_key key, unix_time expires) {
        nat_route& route = *key.nat;
        const auto [first, last] = sources_.equal_range(expires);
        for (auto it = first; it != last; ++it) {
            const found_rule& other = found_[it->second];
            if (used_[it->second]) continue;
            const bool masquerade = other.role == rule_role::masquerade;
            grant_key with = key;
            with.nat->translate_source =
                masquerade ? source_translation::masquerade : source_translation::address;
            if (!masquerade) {
                const auto text = value_of(other.rule, to_source);
                const auto address = ip_address::parse(text.value_or(""));
                if (!address) continue;
                with.nat->source_address = *address;
            }
            if (!route.all_ports && !route.translate_destination) {
                // Nothing but this rule tells of the host inside, and of the port outside.
                if (!other.rule.destination) continue;
                with.nat->inside.address = other.rule.destination->address();
                const auto text = value_of(other.rule, to_ports);
                const auto port = text ? parse_digits<std::uint16_t>(*text) : std::nullopt;
                if (masquerade && !port) continue;
                if (masquerade) with.door.port = *port;
            }
            if (take(with, expires)) return true;
        }
        route.translate_source = source_translation::none;
        return take(key, expires);
    }

    void from_dnat(const iptables_rule& rule) {
        const auto text = value_of(rule, to_destination);
        const auto inside = text ? parse_endpoint(*text) : std::nullopt;
        if (!rule.source || !inside) return;
        grant_key key{*rule.source, host_of(rule.destination), {}, nat_route{}};
        nat_route& route = *key.nat;
        route.inside = *inside;
        route.all_ports = !rule.protocol;
        if (rule.protocol) key.door = {*rule.protocol, rule.destination_port};
        if (take_with_source(key, rule.expires)) return;
        route.local = true;
        if (!route.all_ports) {
            take_with_source(key, rule.expires);
            return;
        }
        for (std::size_t i = 0; i < found_.size(); ++i) { // its input rule alone tells of the port
            const iptables_rule& input = found_[i].rule;
            if (used_[i] || found_[i].role != rule_role::input || !input.protocol) continue;
            key.door = {*input.protocol, input.destination_port};
            route.inside.port = input.destination_port;
            if (take_with_source(key, rule.expires)) return;
        }
    }

    void from_forward(const iptables_rule& rule) {
        if (!rule.source) return;
        grant_key key{*rule.source, std::nullopt, {}, nat_route{}};
        key.nat->translate_destination = false;
        key.nat->all_ports = !rule.protocol;
        if (rule.protocol) key.door = {*rule.protocol, rule.destination_port};
        key.nat->inside.port = rule.destination_port;
        take_with_source(key, rule.expires);
    }

    void from_input(const iptables_rule& rule) {
        if (!rule.source || !rule.protocol) return;
        take({*rule.source, host_of(rule.destination), {*rule.protocol, rule.destination_port}},
             rule.expires);
    }

    // Its other half is gone: what is left must still be known as a grant's.
    void from_output(const iptables_rule& rule) {
        if (!rule.destination || !rule.protocol || rule.source_port == 0) return;
        const grant_key key{
            *rule.destination, host_of(rule.source), {*rule.protocol, rule.source_port}};
        const auto at = find(rule_role::output, key, rule.expires);
        if (!at) return;
        if (!keys_.insert(key).second) return;
        used_[*at] = true;
        result_.grants.push_back({key, rule.expires});
    }

    const std::vector<found_rule>& found_;
    std::vector<bool> used_;
    std::array<std::string, rule_role_count> targets_; ///< the same in all rules of a chain
    std::array<std::unordered_multimap<std::string, std::size_t>, rule_role_count> by_text_;
    std::multimap<unix_time, std::size_t> sources_; ///< rules that translate sources, by expiry
    std::unordered_set<grant_key> keys_;
    adoption result_;
};

} // namespace

adoption adopt_rules(const std::vector<found_rule>& found) {
    return joiner{found}.join();
}

} // namespace fwknop
