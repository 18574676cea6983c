// SPDX-License-Identifier: Apache-2.0
#include "core/policy/nat_plan.hpp"

#include <utility>

namespace fwknop {
namespace {

[[nodiscard]] nat_plan refuse(refusal reason, std::string detail = {}) {
    nat_plan plan;
    plan.no.emplace();
    plan.no->reason = reason;
    plan.no->detail = std::move(detail);
    return plan;
}

[[nodiscard]] nat_plan mixed(const ip_address& address, const ip_address& source) {
    return refuse(refusal::nat_target_unusable, address.to_string() + " and " + source.to_string() +
                                                    " are not of one address family");
}

void choose_source(nat_route& route, const stanza& entry, const server_config& server,
                   const ip_address& source) {
    const auto& nat = entry.nat;
    const bool by_default = server.ipt_snat || server.firewd_snat;
    if (nat.force_snat) {
        route.translate_source = source_translation::address;
        route.source_address = *nat.force_snat;
        return;
    }
    if (!by_default && !nat.force_masquerade) return;
    route.translate_source = source_translation::masquerade;
    // With FORWARD_ALL the address goes before FORCE_MASQUERADE: the 2.6 line has it so.
    if (!by_default || (nat.force_masquerade && !nat.forward_all)) return;
    const auto address = ip_address::parse(server.snat_translate_ip);
    if (!address || address->family() != source.family()) return;
    route.translate_source = source_translation::address;
    route.source_address = *address;
}

} // namespace

bool nat_allowed(message_type type, const server_config& server) noexcept {
    if (!has_nat_access(type)) return true;
    return is_local_nat(type) ? server.ipt_local_nat || server.firewd_local_nat
                              : server.ipt_forwarding || server.firewd_forwarding;
}

nat_plan plan_nat(const message& request, const stanza& entry, const server_config& server,
                  const ip_address& source) {
    nat_plan plan;
    const auto& nat = entry.nat;
    if (!nat.force_nat && !has_nat_access(request.type)) return plan;

    auto& route = plan.route.emplace();
    route.local = is_local_nat(request.type);
    route.all_ports = nat.forward_all;
    if (nat.force_nat) {
        route.inside = *nat.force_nat;
    } else {
        const auto asked = parse_nat_access(request.nat_access.value_or(""));
        if (!asked) return refuse(refusal::message_malformed, asked.error().message());
        route.inside.port = asked->port;
        if (const auto address = ip_address::parse(asked->host)) {
            route.inside.address = address->unmapped();
            if (route.inside.address.is_unspecified()) {
                return refuse(refusal::nat_target_unusable, asked->host + " is no host's address");
            }
        } else if (server.nat_dns) {
            plan.host = asked->host;
        } else {
            return refuse(refusal::nat_host_name_disabled);
        }
    }
    const bool somewhere = !route.inside.address.is_unspecified();
    if (somewhere && route.inside.address.family() != source.family()) {
        return mixed(route.inside.address, source);
    }
    if (route.local && route.inside.port == 0) {
        return refuse(refusal::nat_target_unusable, "FORCE_NAT names no port of this host");
    }
    route.translate_destination = !nat.disable_dnat && (somewhere || !plan.host.empty());
    choose_source(route, entry, server, source);
    if (route.translate_source == source_translation::address &&
        route.source_address.family() != source.family()) {
        return mixed(route.source_address, source);
    }
    return plan;
}

} // namespace fwknop
