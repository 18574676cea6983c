// SPDX-License-Identifier: Apache-2.0
#include "daemon/bsd_setup.hpp"

#include "firewall/filter_limits.hpp"
#include "firewall/ipfw_backend.hpp"
#include "firewall/iptables_programs.hpp"
#include "firewall/pf_backend.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

namespace fwknop::daemon {

namespace {

std::string find_exe(const server_config& config, std::string_view name,
                     std::string_view search_path) {
    const std::string& given = config.firewall_exe;
    if (!given.empty()) {
        if (given.front() == '/' && ::access(given.c_str(), X_OK) == 0) return given;
        throw std::runtime_error{"FIREWALL_EXE is '" + given +
                                 "', which is no program that can be "
                                 "run: give the absolute path of " +
                                 std::string{name}};
    }
    auto path = find_program(name, search_path);
    if (!path) path = find_program(name, default_program_path);
    if (!path)
        throw std::runtime_error{std::string{name} +
                                 " is not there: set FIREWALL_EXE to its path, or FIREWALL_BACKEND "
                                 "to the packet filter of this system"};
    return *path;
}

void refuse_what_cannot_be(backend_kind kind, const server_config& config) {
    const auto limits = filter_limits(kind, config, {});
    if (limits.empty()) return;
    throw std::runtime_error{std::string{limits.front().directive} + ": " + limits.front().text};
}

// Reads /etc/services: only at the start, for listings of what an earlier run left.
std::optional<std::uint16_t> port_of(const std::string& name, protocol kind) {
    const servent* const found = ::getservbyname(name.c_str(), name_of(kind).data());
    if (found == nullptr) return std::nullopt;
    return ntohs(static_cast<std::uint16_t>(found->s_port));
}

} // namespace

std::unique_ptr<backend> make_pf(const server_config& config, std::string_view search_path,
                                 bool translates_sources) {
    refuse_what_cannot_be(backend_kind::pf, config);
    pf_options options;
    options.program = find_exe(config, "pfctl", search_path);
    options.anchor = config.pf_anchor;
    options.translates = config.nat_enabled();
    options.translates_sources = options.translates && (config.ipt_snat || translates_sources);
    options.flush_at_init = config.flush_ipt_at_init;
    options.flush_at_exit = config.flush_ipt_at_exit;
    options.find_port = port_of;
    return std::make_unique<pf_backend>(std::move(options));
}

std::unique_ptr<backend> make_ipfw(const server_config& config, std::string_view search_path) {
    refuse_what_cannot_be(backend_kind::ipfw, config);
    ipfw_options options;
    options.program = find_exe(config, "ipfw", search_path);
    ipfw_layout& layout = options.layout;
    layout.first = static_cast<std::uint16_t>(config.ipfw_start_rule);
    layout.last = static_cast<std::uint16_t>(std::min<std::uint32_t>(
        config.ipfw_start_rule + config.ipfw_max_rules - 1, last_ipfw_number));
    layout.active_set = config.ipfw_active_set;
    layout.expire_set = config.ipfw_expire_set;
    layout.check_state = config.ipfw_add_check_state;
    options.purge_interval = std::chrono::seconds{config.ipfw_purge_interval};
    options.flush_at_init = config.flush_ipfw_at_init;
    options.flush_at_exit = config.flush_ipfw_at_exit;
    return std::make_unique<ipfw_backend>(std::move(options));
}

} // namespace fwknop::daemon
