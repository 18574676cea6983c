// SPDX-License-Identifier: Apache-2.0
#include "daemon/firewall_setup.hpp"

#include "firewall/iptables_backend.hpp"
#include "firewall/iptables_programs.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace fwknop::daemon {

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

std::unique_ptr<backend> make_backend(const server_config& config, bool translates_sources) {
    const char* const path = std::getenv("PATH");
    iptables_options options;
    options.programs = find_iptables_programs(
        config.firewall_exe, path != nullptr ? std::string_view{path} : default_program_path);
    if (!options.programs.error.empty()) throw std::runtime_error{options.programs.error};

    options.layout = iptables_layout_of(config, translates_sources);
    options.flush_at_init = config.flush_ipt_at_init;
    options.flush_at_exit = config.flush_ipt_at_exit;
    options.comment_check = config.ipt_comment_check;
    return std::make_unique<iptables_backend>(std::move(options));
}

} // namespace fwknop::daemon
