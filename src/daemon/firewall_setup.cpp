// SPDX-License-Identifier: Apache-2.0
#include "daemon/firewall_setup.hpp"

#include "daemon/bsd_setup.hpp"
#ifdef __linux__
#include "daemon/nft_setup.hpp"
#endif
#include "firewall/firewalld_access.hpp"
#include "firewall/iptables_backend.hpp"
#include "firewall/iptables_programs.hpp"
#include "firewall/no_backend.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace fwknop::daemon {

namespace {

#ifdef __linux__
constexpr bool on_bsd = false;
#else
constexpr bool on_bsd = true;
#endif

std::string_view search_path() {
    const char* const path = std::getenv("PATH");
    return path != nullptr ? std::string_view{path} : default_program_path;
}

std::unique_ptr<backend> make_iptables(const server_config& config, bool translates_sources) {
    iptables_options options;
    options.programs = find_iptables_programs(config.firewall_exe, search_path());
    if (!options.programs.error.empty()) throw std::runtime_error{options.programs.error};

    options.layout = iptables_layout_of(config, translates_sources);
    options.flush_at_init = config.flush_ipt_at_init;
    options.flush_at_exit = config.flush_ipt_at_exit;
    options.comment_check = config.ipt_comment_check;
    options.watch_others = config.rules_check_threshold != 0;
    options.poll_others = config.is_explicit("RULES_CHECK_THRESHOLD");
    return std::make_unique<iptables_backend>(std::move(options));
}

std::unique_ptr<backend> make_firewalld(const server_config& config, bool translates_sources) {
    auto program = find_firewalld_program(config.firewall_exe);
    if (!program.error.empty()) throw std::runtime_error{program.error};

    iptables_options options;
    options.layout = firewalld_layout_of(config, translates_sources);
    options.flush_at_init = config.flush_firewd_at_init;
    options.flush_at_exit = config.flush_firewd_at_exit;
    options.comment_check = config.firewd_comment_check;
    options.watch_others = config.rules_check_threshold != 0;
    options.poll_others = config.is_explicit("RULES_CHECK_THRESHOLD");
    auto access = make_firewalld_access(std::move(program), options.time_limit);
    return std::make_unique<iptables_backend>(std::move(options), std::move(access));
}

} // namespace

backend_choice choose_backend(const server_config& config) {
    return fwknop::choose_backend(
        config, {on_bsd, [](std::string_view program) {
                     return find_program(program, search_path()).has_value() ||
                            find_program(program, default_program_path).has_value();
                 }});
}

iptables_layout iptables_layout_of(const server_config& config, bool translates_sources) {
    iptables_layout layout;
    layout.input = config.ipt_input;
    layout.prepend = config.rule_prepend;
    if (config.ipt_output) layout.output = config.ipt_output_chain;
    if (!config.ipt_forwarding && !config.ipt_local_nat) return layout;
    layout.forward = config.ipt_forward;
    layout.dnat = config.ipt_dnat;
    if (!config.ipt_snat && !translates_sources) return layout;
    layout.snat = config.ipt_snat_chain;
    layout.masquerade = config.ipt_masquerade;
    return layout;
}

iptables_layout firewalld_layout_of(const server_config& config, bool translates_sources) {
    iptables_layout layout;
    layout.input = config.firewd_input;
    layout.prepend = config.rule_prepend;
    if (config.firewd_output) layout.output = config.firewd_output_chain;
    if (!config.firewd_forwarding && !config.firewd_local_nat) return layout;
    layout.forward = config.firewd_forward;
    layout.dnat = config.firewd_dnat;
    if (!config.firewd_snat && !translates_sources) return layout;
    layout.snat = config.firewd_snat_chain;
    layout.masquerade = config.firewd_masquerade;
    return layout;
}

std::optional<std::string> misplaced_directive(backend_kind kind, const server_config& config) {
    struct twins {
        bool ipt;
        bool firewd;
        std::string_view rest; ///< what follows ENABLE_IPT_ and ENABLE_FIREWD_
    };
    const auto place = [&config](const std::string& name) {
        const setting& from = config.setting_of(name);
        return from.where + ":" + std::to_string(from.line) + ": " + name;
    };
    for (const auto& each : {twins{config.ipt_forwarding, config.firewd_forwarding, "FORWARDING"},
                             twins{config.ipt_local_nat, config.firewd_local_nat, "LOCAL_NAT"},
                             twins{config.ipt_snat, config.firewd_snat, "SNAT"},
                             twins{config.ipt_output, config.firewd_output, "OUTPUT"}}) {
        const std::string ipt = "ENABLE_IPT_" + std::string{each.rest};
        const std::string firewd = "ENABLE_FIREWD_" + std::string{each.rest};
        if (kind == backend_kind::firewalld && each.ipt)
            return place(ipt) + " is for iptables, and the packet filter is firewalld: set " +
                   firewd + " instead";
        if (kind != backend_kind::firewalld && each.firewd)
            return place(firewd) + " is for firewalld, and the packet filter is " +
                   std::string{name_of(kind)} + ": set FIREWALL_BACKEND firewalld" +
                   (kind == backend_kind::iptables ? ", or " + ipt + " instead" : "");
    }
    return std::nullopt;
}

std::unique_ptr<backend> make_backend(backend_kind kind, const server_config& config,
                                      bool translates_sources) {
    switch (kind) {
    case backend_kind::iptables:
        return make_iptables(config, translates_sources);
#ifdef __linux__
    case backend_kind::nftables:
        return make_nftables(config, translates_sources, search_path());
#else
    case backend_kind::nftables:
        break;
#endif
    case backend_kind::firewalld:
        return make_firewalld(config, translates_sources);
    case backend_kind::pf:
        return make_pf(config, search_path(), translates_sources);
    case backend_kind::ipfw:
        return make_ipfw(config, search_path());
    case backend_kind::none:
        return std::make_unique<no_backend>();
    }
    throw std::runtime_error{"FIREWALL_BACKEND " + std::string{name_of(kind)} +
                             " is not supported by this version of fwknopd"};
}

bool flushes_at_exit(backend_kind kind, const server_config& config) {
    if (kind == backend_kind::ipfw) return config.flush_ipfw_at_exit;
    if (kind == backend_kind::firewalld) return config.flush_firewd_at_exit;
    return config.flush_ipt_at_exit;
}

} // namespace fwknop::daemon
