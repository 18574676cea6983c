// SPDX-License-Identifier: Apache-2.0
#include "firewall/backend_choice.hpp"

#include <array>
#include <cstddef>
#include <optional>

namespace fwknop {

namespace {

constexpr std::array<std::string_view, 6> names{"nftables", "iptables", "firewalld",
                                                "pf",       "ipfw",     "none"};

/// The filter that the program at `path` belongs to, by its name.
backend_kind kind_of_program(std::string_view path) {
    const std::string_view name = path.substr(path.rfind('/') + 1);
    if (name == "nft") return backend_kind::nftables;
    if (name == "firewall-cmd") return backend_kind::firewalld;
    if (name == "pfctl") return backend_kind::pf;
    if (name == "ipfw") return backend_kind::ipfw;
    return backend_kind::iptables;
}

} // namespace

std::string_view name_of(backend_kind kind) noexcept {
    return names.at(static_cast<std::size_t>(kind));
}

backend_choice choose_backend(const server_config& config, const backend_host& host) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (config.firewall_backend == names.at(i))
            return {static_cast<backend_kind>(i), "FIREWALL_BACKEND says so"};

    for (const std::string_view directive :
         {"PROTECT_PORTS", "NFT_MODE", "NFT_TABLE", "NFT_INPUT_ACCESS"})
        if (config.is_explicit(directive))
            return {backend_kind::nftables, std::string{directive} + " is set"};
    if (!config.firewall_exe.empty())
        return {kind_of_program(config.firewall_exe), "FIREWALL_EXE is " + config.firewall_exe};
    if (host.bsd) {
        if (!host.has_program("pfctl") && host.has_program("ipfw"))
            return {backend_kind::ipfw, "ipfw is installed, pfctl is not"};
        return {backend_kind::pf, "pf is the packet filter of this system"};
    }
    if (host.has_program("iptables"))
        return {backend_kind::iptables, "iptables is installed and nothing asks for nftables"};
    return {backend_kind::nftables, "iptables is not installed"};
}

} // namespace fwknop
