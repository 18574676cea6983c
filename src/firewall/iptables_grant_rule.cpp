// SPDX-License-Identifier: Apache-2.0
#include "firewall/iptables_grant_rule.hpp"

#include <string>

namespace fwknop {

namespace {

std::string destination_of(const nat_route& route) {
    std::string text = route.inside.address.to_string();
    if (!route.all_ports) {
        if (route.inside.address.is_v6()) text.insert(0, "[").append("]");
        text.append(":").append(std::to_string(route.inside.port));
    }
    return "--to-destination " + text;
}

// Where the translated connection goes, or with FORWARD_ALL where it comes from.
void match_inside(iptables_rule& rule, const grant_key& key) {
    const nat_route& route = *key.nat;
    if (route.all_ports) {
        rule.source = key.source;
        return;
    }
    rule.protocol = key.door.protocol;
    rule.destination = route.inside.address;
    rule.destination_port = route.inside.port;
}

} // namespace

std::optional<iptables_rule> grant_rule(rule_role role, const grant_key& key, unix_time expires,
                                        std::string_view target) {
    if (!roles_of(key.nat).contains(role)) return std::nullopt;
    iptables_rule rule;
    rule.expires = expires;
    rule.target = target;
    const bool all = covers_all_ports(role, key.nat);
    switch (role) {
    case rule_role::input:
        rule.source = key.source;
        rule.destination = key.destination;
        rule.protocol = key.door.protocol;
        rule.destination_port = key.nat ? key.nat->inside.port : key.door.port;
        break;
    case rule_role::output:
        rule.source = key.destination;
        rule.destination = key.source;
        rule.protocol = key.door.protocol;
        rule.source_port = key.door.port;
        break;
    case rule_role::forward:
        rule.source = key.source;
        if (all) break;
        rule.protocol = key.door.protocol;
        rule.destination_port = key.nat->inside.port;
        break;
    case rule_role::dnat:
        rule.source = key.source;
        rule.destination = key.destination;
        rule.translation = destination_of(*key.nat);
        if (all) break;
        rule.protocol = key.door.protocol;
        rule.destination_port = key.door.port;
        break;
    case rule_role::snat:
        match_inside(rule, key);
        rule.translation = "--to-source " + key.nat->source_address.to_string();
        break;
    case rule_role::masquerade:
        match_inside(rule, key);
        if (!all) rule.translation = "--to-ports " + std::to_string(key.door.port);
        break;
    case rule_role::end_:
        return std::nullopt;
    }
    return rule;
}

} // namespace fwknop
