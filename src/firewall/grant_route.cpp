// SPDX-License-Identifier: Apache-2.0
#include "firewall/grant_route.hpp"

namespace fwknop {

role_set roles_of(const std::optional<nat_route>& nat) noexcept {
    if (!nat) return {rule_role::input, rule_role::output};
    role_set roles{nat->local ? rule_role::input : rule_role::forward};
    if (nat->translate_destination) roles.add(rule_role::dnat);
    if (nat->translate_source == source_translation::address) roles.add(rule_role::snat);
    if (nat->translate_source == source_translation::masquerade) roles.add(rule_role::masquerade);
    return roles;
}

std::string_view name_of(rule_role role, const std::optional<nat_route>& nat) noexcept {
    const bool all = covers_all_ports(role, nat);
    switch (role) {
    case rule_role::input:
        return nat ? "local NAT" : "access";
    case rule_role::output:
        return "OUTPUT";
    case rule_role::forward:
        return all ? "FORWARD ALL" : "FORWARD";
    case rule_role::dnat:
        return all ? "DNAT ALL" : "DNAT";
    case rule_role::snat:
    case rule_role::masquerade:
        return all ? "SNAT ALL" : "SNAT";
    case rule_role::end_:
        break;
    }
    return "unknown";
}

bool covers_all_ports(rule_role role, const std::optional<nat_route>& nat) noexcept {
    return nat && nat->all_ports && role != rule_role::input && role != rule_role::output;
}

grant_key make_grant_key(const network& source, const std::optional<ip_address>& destination,
                         const service& door, const std::optional<nat_route>& nat) {
    grant_key key{source, destination, door, nat};
    if (!key.nat) return key;
    nat_route& route = *key.nat;
    const bool translates_source = route.translate_source != source_translation::none;
    if (route.translate_source != source_translation::address) route.source_address = {};
    if (!route.translate_destination && !route.local) key.destination.reset();
    if (route.all_ports) {
        if (!route.local) route.inside.port = 0;
        key.door = route.local ? service{door.protocol, route.inside.port} : service{};
        if (!route.translate_destination) route.inside.address = {};
    } else if (!route.translate_destination) {
        if (!translates_source) route.inside.address = {};
        if (route.translate_source != source_translation::masquerade)
            key.door.port = route.inside.port;
    }
    return key;
}

} // namespace fwknop
