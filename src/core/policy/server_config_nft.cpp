// SPDX-License-Identifier: Apache-2.0
#include "core/policy/server_config_nft.hpp"

#include "core/policy/nft_names.hpp"
#include "core/policy/port_set.hpp"

#include <algorithm>
#include <string_view>

namespace fwknop {
namespace {

std::optional<directive_objection> check_values(const server_config& config) {
    if (const auto wrong = check_nft_name(config.nft_table)) {
        return directive_objection{"NFT_TABLE", "NFT_TABLE: " + wrong->text};
    }
    if (!config.nft_input_access.empty()) {
        const auto chain = nft_chain_name::parse(config.nft_input_access);
        if (!chain) {
            return directive_objection{"NFT_INPUT_ACCESS",
                                       "NFT_INPUT_ACCESS: " + chain.error().text};
        }
    }
    if (config.protect_ports.empty()) return std::nullopt;
    const auto ports = port_set::parse(config.protect_ports);
    if (!ports) {
        return directive_objection{"PROTECT_PORTS", "PROTECT_PORTS: " + ports.error().text};
    }
    if (std::ranges::find(ports->ranges(), 0, &port_range::first) != ports->ranges().end()) {
        return directive_objection{"PROTECT_PORTS",
                                   "PROTECT_PORTS '" + config.protect_ports +
                                       "': no packet goes to port 0, ports begin with 1"};
    }
    return std::nullopt;
}

} // namespace

std::optional<directive_objection> find_missing_nft(const server_config& config) {
    if (config.nft_mode == "protect" && config.protect_ports.empty()) {
        return directive_objection{
            "PROTECT_PORTS",
            "NFT_MODE protect hides the ports of PROTECT_PORTS, and there are none: say which, "
            "like PROTECT_PORTS tcp/22; or set NFT_MODE to sets or chain, or FIREWALL_BACKEND to "
            "another packet filter"};
    }
    if (config.nft_mode == "chain" && config.nft_input_access.empty()) {
        return directive_objection{
            "NFT_INPUT_ACCESS",
            "NFT_MODE chain needs to know the base chain that filters what comes in: name its "
            "family, table and chain, like NFT_INPUT_ACCESS inet, filter, input"};
    }
    if (config.nft_mode == "chain" && (config.ipt_forwarding || config.ipt_local_nat)) {
        return directive_objection{
            config.ipt_forwarding ? "ENABLE_IPT_FORWARDING" : "ENABLE_IPT_LOCAL_NAT",
            "NFT_MODE chain opens this host itself and translates nothing: for NAT, set NFT_MODE "
            "to protect, or to sets with rules of your own"};
    }
    return std::nullopt;
}

std::optional<directive_objection> check_nft(const server_config& config) {
    if (auto wrong = check_values(config)) return wrong;
    const bool chosen = config.firewall_backend == "nftables";
    bool named = false;
    for (const std::string_view name :
         {"PROTECT_PORTS", "NFT_MODE", "NFT_TABLE", "NFT_INPUT_ACCESS"}) {
        if (!config.is_explicit(name)) continue;
        if (!chosen && config.firewall_backend != "auto") {
            return directive_objection{
                std::string{name}, std::string{name} +
                                       " is for nftables, and FIREWALL_BACKEND "
                                       "is " +
                                       config.firewall_backend +
                                       ": remove one of them, or set FIREWALL_BACKEND nftables"};
        }
        named = true;
    }
    return chosen || named ? find_missing_nft(config) : std::nullopt;
}

} // namespace fwknop
