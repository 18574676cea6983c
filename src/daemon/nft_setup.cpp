// SPDX-License-Identifier: Apache-2.0
#include "daemon/nft_setup.hpp"

#include "core/policy/port_set.hpp"
#include "core/policy/server_config_nft.hpp"
#include "firewall/iptables_programs.hpp"
#include "firewall/nft_backend.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include <unistd.h>

namespace fwknop::daemon {

namespace {

std::string find_nft(const std::string& firewall_exe, std::string_view search_path) {
    if (firewall_exe.empty()) {
        auto path = find_program("nft", search_path);
        if (!path) path = find_program("nft", default_program_path);
        if (path) return *path;
        throw std::runtime_error{"nft is not installed: install the package nftables, or set "
                                 "FIREWALL_EXE to its path"};
    }
    if (!firewall_exe.starts_with('/') || ::access(firewall_exe.c_str(), X_OK) != 0)
        throw std::runtime_error{"FIREWALL_EXE is '" + firewall_exe +
                                 "', which is not there or cannot be run: give the absolute path "
                                 "of nft, e.g. /usr/sbin/nft"};
    if (!firewall_exe.ends_with("/nft"))
        throw std::runtime_error{"FIREWALL_EXE is '" + firewall_exe +
                                 "', and the packet filter is nftables: give the absolute path of "
                                 "nft, e.g. /usr/sbin/nft, or remove FIREWALL_EXE"};
    return firewall_exe;
}

} // namespace

nft_layout nft_layout_of(const server_config& config, bool translates_sources) {
    nft_layout layout;
    layout.table = config.nft_table;
    if (config.nft_mode == "sets") layout.mode = nft_mode::sets;
    if (config.nft_mode == "chain") {
        layout.mode = nft_mode::chain;
        layout.prefix = config.nft_table + "_";
        if (const auto from = nft_chain_name::parse(config.nft_input_access)) {
            layout.family = from->family;
            layout.table = from->table;
            layout.base_chain = from->chain;
        }
    }
    if (const auto ports = port_set::parse(config.protect_ports)) layout.protect = ports->ranges();
    layout.destination = config.destination_rule;
    layout.output = config.ipt_output;
    layout.nat = config.ipt_forwarding || config.ipt_local_nat;
    layout.source_nat = config.ipt_snat || translates_sources;
    return layout;
}

std::unique_ptr<backend> make_nftables(const server_config& config, bool translates_sources,
                                       std::string_view search_path) {
    if (const auto missing = find_missing_nft(config)) throw std::runtime_error{missing->text};
    nft_options options;
    options.program = find_nft(config.firewall_exe, search_path);
    options.layout = nft_layout_of(config, translates_sources);
    options.flush_at_init = config.flush_ipt_at_init;
    options.flush_at_exit = config.flush_ipt_at_exit;
    return std::make_unique<nft_backend>(std::move(options));
}

} // namespace fwknop::daemon
