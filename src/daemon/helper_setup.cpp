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

listed_program gpg_call(const stanza& entry) {
    return {gpg_child_settings{}.program, {std::string{gpg::worker_option}, entry.gpg.program}};
}

bool is_listed(const helper_rules& rules, const listed_program& call) {
    return std::ranges::any_of(rules.programs, [&](const listed_program& each) {
        return each.path == call.path && each.words == call.words;
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
    for (const stanza& entry : config.stanzas)
        if (uses_gpg(entry) && !is_listed(rules, gpg_call(entry)))
            rules.programs.push_back(gpg_call(entry));
    for (const char* const family : {"ahostsv4", "ahostsv6"})
        rules.programs.push_back({lookup_settings{}.program, {family, "--", any_value}});
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
        if (uses_gpg(entry) && !is_listed(rules, gpg_call(entry)))
            return place + "the first stanza for GnuPG" +
                   (entry.gpg.program.empty() ? "" : " with GPG_EXE " + entry.gpg.program) +
                   " needs a restart of fwknopd: its helper process was not told to start it";
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
