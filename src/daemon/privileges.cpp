// SPDX-License-Identifier: Apache-2.0
//
// The attack: a fault in what reads packets lets somebody run code of his in the daemon. What he
// has then is what the daemon has.

#include "daemon/privileges.hpp"

#include "daemon/account_files.hpp"
#include "daemon/accounts.hpp"
#include "daemon/helper_setup.hpp"
#include "daemon/service.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <vector>

#include <grp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace fwknop::daemon {

namespace {

struct cap_deleter {
    void operator()(void* what) const noexcept { static_cast<void>(::cap_free(what)); }
};
using cap_state = std::unique_ptr<std::remove_pointer_t<cap_t>, cap_deleter>;

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error{"[*] " + what + ": " + std::generic_category().message(errno)};
}

power_set power(cap_value_t number) {
    return power_set{1} << static_cast<std::size_t>(number);
}

/// For each number that the kernel knows.
template <class Function>
void for_each_power(Function function) {
    const cap_value_t count = std::min<cap_value_t>(::cap_max_bits(), power_set{}.size());
    for (cap_value_t number = 0; number < count; ++number) function(number);
}

power_set in_flag(const cap_state& state, cap_flag_t flag) {
    power_set have;
    for_each_power([&](cap_value_t number) {
        cap_flag_value_t value = CAP_CLEAR;
        if (::cap_get_flag(state.get(), number, flag, &value) == 0 && value == CAP_SET)
            have |= power(number);
    });
    return have;
}

cap_state current() {
    cap_state now{::cap_get_proc()};
    if (!now) fail("Cannot read our capabilities");
    return now;
}

power_set permitted() {
    return in_flag(current(), CAP_PERMITTED);
}

void set_powers(const power_set& kept, const power_set& inherited) {
    // A service manager that gave us no more than this may not let us ask for it, either.
    const cap_state now = current();
    if (in_flag(now, CAP_PERMITTED) == kept && in_flag(now, CAP_EFFECTIVE) == kept &&
        (inherited & ~in_flag(now, CAP_INHERITABLE)).none())
        return;
    const cap_state next{::cap_init()}; // with nothing in it
    if (!next) fail("Cannot set our capabilities");
    for_each_power([&](cap_value_t number) {
        const auto add = [&](cap_flag_t flag) {
            if (::cap_set_flag(next.get(), flag, 1, &number, CAP_SET) != 0)
                fail("Cannot set our capabilities");
        };
        if (kept.test(static_cast<std::size_t>(number))) {
            add(CAP_PERMITTED);
            add(CAP_EFFECTIVE);
        }
        if (inherited.test(static_cast<std::size_t>(number))) add(CAP_INHERITABLE);
    });
    if (::cap_set_proc(next.get()) != 0) fail("Cannot set our capabilities");
}

// The set that bounds what a program can gain by being executed. Where we may not change it, as
// under a service manager that has given us no more than we need, it is what it is.
void bound(const power_set& kept) {
    if (!permitted().test(CAP_SETPCAP)) return;
    for_each_power([&](cap_value_t number) {
        if (!kept.test(static_cast<std::size_t>(number)) && ::cap_get_bound(number) == CAP_SET &&
            ::cap_drop_bound(number) != 0)
            fail("Cannot bound capabilities");
    });
}

} // namespace

power_set daemon_powers(const power_needs& needs) {
    power_set kept;
    if (needs.changes_filter) kept |= power(CAP_NET_ADMIN);
    if (needs.captures) kept |= power(CAP_NET_RAW);
    if (needs.low_port) kept |= power(CAP_NET_BIND_SERVICE);
    if (needs.root && needs.others_files) kept |= power(CAP_DAC_OVERRIDE);
    return kept;
}

power_set helper_powers(const power_needs& needs) {
    power_set kept;
    if (needs.changes_filter) kept |= power(CAP_NET_ADMIN) | power(CAP_NET_RAW);
    if (needs.root && needs.others_files) kept |= power(CAP_DAC_OVERRIDE);
    if (needs.other_accounts || needs.as_root)
        kept |= power(CAP_SETUID) | power(CAP_SETGID) | power(CAP_KILL);
    return kept;
}

power_limits helper_limits(const power_needs& needs) {
    power_limits limits{helper_powers(needs), {}, !needs.as_root};
    // Root's programs get all that is left as it is.
    if (!needs.root && needs.changes_filter)
        limits.inherited = power(CAP_NET_ADMIN) | power(CAP_NET_RAW);
    return limits;
}

std::string to_string(const power_set& powers) {
    std::string text;
    for_each_power([&](cap_value_t number) {
        if (!powers.test(static_cast<std::size_t>(number))) return;
        const std::unique_ptr<char, cap_deleter> name{::cap_to_name(number)};
        std::string word = name ? name.get() : std::to_string(number);
        if (word.starts_with("cap_")) word.erase(0, 4);
        text += (text.empty() ? "" : " ") + word;
    });
    return text.empty() ? "none" : text;
}

power_needs needs_of(const configuration& config, bool test_mode) {
    const server_config& server = config.server;
    const account who = daemon_account(server);
    power_needs needs;
    needs.root = who.user == 0;
    needs.changes_filter = !test_mode && std::ranges::any_of(config.stanzas, opens_ports);
    needs.captures = server.pcap_file.empty() && !server.udp_server;
    constexpr std::uint32_t first_high_port = 1024;
    needs.low_port = (server.udp_server && server.udp_server_port < first_high_port) ||
                     (server.tcp_server && server.tcp_server_port < first_high_port);
    needs.others_files = needs.root && uses_files_of_others(config);
    for (const account& each : command_accounts(config.stanzas)) {
        if (each.user == 0)
            needs.as_root = true;
        else if (each.user != who.user || each.group != who.group)
            needs.other_accounts = true;
        if (each.user == 0 && who.user != 0) needs.other_accounts = true;
    }
    for (const stanza& entry : config.stanzas)
        if (entry.command.enabled && entry.command.by_sudo) needs.as_root = true;
    return needs;
}

void become(const account& who, const power_set& kept) {
    const std::vector<gid_t> groups(who.groups.begin(), who.groups.end());
    const auto wrong = [&] { fail("Cannot become FWKNOP_USER " + who.user_name); };
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
        ::setgroups(groups.size(), groups.data()) != 0 ||
        ::setresgid(who.group, who.group, who.group) != 0 ||
        ::setresuid(who.user, who.user, who.user) != 0 || ::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0)
        wrong();
    set_powers((kept | power(CAP_SETPCAP)) & permitted(), {}); // SETPCAP until `keep_only`
}

void keep_only(const power_limits& limits) {
    const power_set left = limits.kept & permitted();
    if (limits.for_programs) bound(left);
    if (::cap_reset_ambient() != 0 && errno != EINVAL) fail("Cannot reset ambient capabilities");
    const power_set handed = limits.inherited & left;
    set_powers(left, handed);
    for_each_power([&](cap_value_t number) {
        if (handed.test(static_cast<std::size_t>(number)) &&
            ::cap_set_ambient(number, CAP_SET) != 0)
            fail("Cannot hand down capabilities");
    });
}

void give_up_powers() {
    keep_only({power(CAP_DAC_OVERRIDE), {}});
    // Else what root executes would have all again.
    if (!confined()) forbid_new_privileges();
}

void forbid_new_privileges() {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("Cannot set no_new_privs");
}

void forbid_inspection() {
#ifndef __SANITIZE_ADDRESS__ // whose search for leaks looks into the process
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) fail("Cannot forbid to be inspected");
#endif
}

bool confined() {
    std::ifstream file{"/proc/self/attr/apparmor/current"};
    std::string label;
    return std::getline(file, label) && !label.empty() && !label.starts_with("unconfined");
}

} // namespace fwknop::daemon
