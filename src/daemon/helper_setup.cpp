// SPDX-License-Identifier: Apache-2.0
#include "daemon/helper_setup.hpp"

#include "daemon/firewall_setup.hpp"
#include "daemon/gpg_child.hpp"
#include "daemon/name_lookup.hpp"
#include "daemon/program.hpp"
#include "daemon/service.hpp"
#include "gpg/worker.hpp"

#include <algorithm>
#include <ranges>

namespace fwknop::daemon {

namespace {

/// Whom the commands of a stanza run as.
std::vector<account> accounts_of(const stanza& entry) {
    std::vector<account> accounts;
    if (entry.command.enabled && entry.command.run_as) accounts.push_back(*entry.command.run_as);
    if (entry.cycle.enabled() && entry.cycle.run_as) accounts.push_back(*entry.cycle.run_as);
    return accounts;
}

bool uses_sudo(const stanza& entry) {
    return entry.command.enabled && entry.command.by_sudo;
}

bool uses_gpg(const stanza& entry) {
    return entry.gpg.usable();
}

bool may_start_gpg(const helper_rules& rules) {
    return std::ranges::any_of(rules.programs, [](const listed_program& each) {
        return each.first_argument == gpg::worker_option;
    });
}

} // namespace

std::vector<account> command_accounts(const std::vector<stanza>& stanzas) {
    std::vector<account> all;
    for (const stanza& entry : stanzas)
        for (const account& each : accounts_of(entry))
            if (!std::ranges::count(all, each)) all.push_back(each);
    return all;
}

helper_rules helper_rules_for(const configuration& config, bool opens_nothing) {
    helper_rules rules;
    if (!opens_nothing && std::ranges::any_of(config.stanzas, opens_ports))
        rules.programs = make_backend(choose_backend(config.server).kind, config.server,
                                      translates_sources(config.stanzas))
                             ->programs();
    if (std::ranges::any_of(config.stanzas, uses_gpg))
        rules.programs.push_back({gpg_child_settings{}.program, std::string{gpg::worker_option}});
    for (const char* const family : {"ahostsv4", "ahostsv6"})
        rules.programs.push_back({lookup_settings{}.program, family});
    for (const account& each : command_accounts(config.stanzas))
        rules.accounts.push_back(identity_of(each));
    rules.sudo = std::ranges::any_of(config.stanzas, uses_sudo);
    return rules;
}

std::optional<std::string> forbidden_command(const helper_rules& rules,
                                             const std::vector<stanza>& stanzas) {
    for (const stanza& entry : stanzas) {
        const std::string place = entry.file + ":" + std::to_string(entry.line) + ": ";
        if (uses_sudo(entry) && !rules.sudo)
            return place + "the first ENABLE_CMD_SUDO_EXEC needs a restart of fwknopd: its helper "
                           "process has given up what sudo needs";
        if (uses_gpg(entry) && !may_start_gpg(rules))
            return place + "the first stanza for GnuPG needs a restart of fwknopd: its helper "
                           "process was not told to start any";
        for (const account& each : accounts_of(entry))
            if (std::ranges::none_of(rules.accounts, [&](const child_identity& known) {
                    return same_account(known, identity_of(each));
                }))
                return place + "the first command that runs as " + each.user_name + "/" +
                       each.group_name +
                       " needs a restart of fwknopd: its helper process was not told to start any";
    }
    return std::nullopt;
}

} // namespace fwknop::daemon
