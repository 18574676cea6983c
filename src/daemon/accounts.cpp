// SPDX-License-Identifier: Apache-2.0
#include "daemon/accounts.hpp"

#include <optional>
#include <string>
#include <vector>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace fwknop::daemon {

namespace {

void fill_groups(account& who) {
    int count = 64;
    std::vector<gid_t> groups;
    do {
        groups.resize(static_cast<std::size_t>(count));
    } while (::getgrouplist(who.user_name.c_str(), who.group, groups.data(), &count) < 0);
    who.groups.assign(groups.begin(), groups.begin() + count);
}

std::string group_name(gid_t group) {
    const ::group* const found = ::getgrgid(group);
    return found != nullptr ? found->gr_name : std::to_string(group);
}

account own_account() {
    account who{.user = ::geteuid(),
                .group = ::getegid(),
                .groups = {},
                .user_name = {},
                .group_name = group_name(::getegid())};
    if (const ::passwd* const found = ::getpwuid(who.user)) {
        who.user_name = found->pw_name;
        fill_groups(who);
    } else {
        who.user_name = std::to_string(who.user); // of no user: no groups but its own
        who.groups = {who.group};
    }
    return who;
}

std::optional<gid_t> group_of(const std::string& name) {
    if (const ::group* const found = ::getgrnam(name.c_str())) return found->gr_gid;
    if (const ::passwd* const found = ::getpwnam(name.c_str())) return found->pw_gid;
    return std::nullopt;
}

bool check(const char* directive, const account_name& name, bool group, diagnostics& report) {
    if (name.text.empty()) return true;
    if (group ? group_of(name.text).has_value() : ::getpwnam(name.text.c_str()) != nullptr) {
        return true;
    }
    report.fail(name.file, name.line,
                std::string{"[*] "} + directive + " '" + name.text + "': no such " +
                    (group ? "group" : "user") + " on this system");
    return false;
}

account command_account(const command_settings& settings, const account& daemon) {
    account who = daemon;
    if (settings.user.text.empty() && settings.group.text.empty()) return who;
    if (const ::passwd* const found =
            settings.user.text.empty() ? nullptr : ::getpwnam(settings.user.text.c_str())) {
        who.user = found->pw_uid;
        who.group = found->pw_gid;
        who.user_name = settings.user.text;
    }
    if (!settings.group.text.empty()) {
        who.group = group_of(settings.group.text).value_or(who.group);
    }
    who.group_name = group_name(who.group);
    fill_groups(who);
    return who;
}

} // namespace

account daemon_account(const server_config& server) {
    if (server.user.empty() || ::geteuid() != 0) return own_account();
    const ::passwd* const found = ::getpwnam(server.user.c_str());
    if (found == nullptr) return own_account();
    account who{.user = found->pw_uid,
                .group = found->pw_gid,
                .groups = {},
                .user_name = server.user,
                .group_name = {}};
    who.group_name = group_name(who.group);
    fill_groups(who);
    return who;
}

void check_daemon_account(const server_config& server, diagnostics& report) {
    if (server.user.empty()) return;
    const setting& from = server.setting_of("FWKNOP_USER");
    if (::getpwnam(server.user.c_str()) == nullptr)
        report.fail(from.where, from.line,
                    "[*] FWKNOP_USER '" + server.user + "': no such user on this system");
}

void resolve_accounts(stanza& entry, const account& daemon, diagnostics& report) {
    command_settings& command = entry.command;
    if (!check("CMD_EXEC_USER", command.user, false, report) ||
        !check("CMD_EXEC_GROUP", command.group, true, report) ||
        !check("CMD_SUDO_EXEC_USER", command.sudo_user, false, report) ||
        !check("CMD_SUDO_EXEC_GROUP", command.sudo_group, true, report)) {
        return;
    }
    if (command.enabled) command.run_as = command_account(command, daemon);
    if (entry.cycle.enabled()) entry.cycle.run_as = daemon;
}

} // namespace fwknop::daemon
