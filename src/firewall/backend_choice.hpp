// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/server_config.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace fwknop {

/// The packet filters there are, by FIREWALL_BACKEND's names.
enum class backend_kind : std::uint8_t {
    nftables,
    iptables,
    firewalld,
    pf,
    ipfw,
    none
};

/// "nftables", "iptables", …
[[nodiscard]] std::string_view name_of(backend_kind kind) noexcept;

struct backend_choice {
    backend_kind kind = backend_kind::iptables;
    std::string reason; ///< for the log, e.g. "PROTECT_PORTS is set"
};

/// What `auto` looks at beside the configuration.
struct backend_host {
    bool bsd = false;                                  ///< a kernel with pf or ipfw, not Linux
    std::function<bool(std::string_view)> has_program; ///< by name, along the search path
};

/// FIREWALL_BACKEND, or what is right where that is `auto`: nftables where one of its directives is
/// given; the filter of the program that FIREWALL_EXE names; iptables where it is installed, for
/// an old configuration opens holes in an iptables policy; else nftables. On BSD ipfw where only
/// that is installed, else pf.
[[nodiscard]] backend_choice choose_backend(const server_config& config, const backend_host& host);

} // namespace fwknop
