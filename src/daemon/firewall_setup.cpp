// SPDX-License-Identifier: Apache-2.0
#include "daemon/firewall_setup.hpp"

#include "firewall/iptables_backend.hpp"
#include "firewall/iptables_programs.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace fwknop::daemon {

std::unique_ptr<backend> make_backend(const server_config& config) {
    const char* const path = std::getenv("PATH");
    iptables_options options;
    options.programs = find_iptables_programs(
        config.firewall_exe, path != nullptr ? std::string_view{path} : default_program_path);
    if (!options.programs.error.empty()) throw std::runtime_error{options.programs.error};

    options.layout.input = config.ipt_input;
    if (config.ipt_output) options.layout.output = config.ipt_output_chain;
    options.layout.prepend = config.rule_prepend;
    options.flush_at_init = config.flush_ipt_at_init;
    options.flush_at_exit = config.flush_ipt_at_exit;
    options.comment_check = config.ipt_comment_check;
    return std::make_unique<iptables_backend>(std::move(options));
}

} // namespace fwknop::daemon
