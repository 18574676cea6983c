// SPDX-License-Identifier: Apache-2.0
#include "daemon/privileges.hpp"
#include "forked.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <string>

#include <sys/prctl.h>
#include <unistd.h>

using namespace fwknop;
using namespace fwknop::daemon;

namespace {

// The field of /proc/self/status, as text.
std::string own(const std::string& field) {
    std::ifstream file{"/proc/self/status"};
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(field + ":\t")) return line.substr(field.size() + 2);
    return {};
}

} // namespace

TEST_CASE("the daemon keeps the powers that its work takes") {
    CHECK(to_string(daemon_powers({})) == "none");
    CHECK(to_string(daemon_powers({.captures = true})) == "net_raw");
    CHECK(to_string(daemon_powers({.changes_filter = true, .captures = true})) ==
          "net_admin net_raw");
    CHECK(to_string(daemon_powers({.changes_filter = true, .low_port = true})) ==
          "net_bind_service net_admin");
    CHECK(to_string(daemon_powers({.root = true, .captures = true, .others_files = true})) ==
          "dac_override net_raw");
    CHECK(to_string(daemon_powers({.captures = true, .others_files = true})) == "net_raw");
    // Commands are the helper's.
    CHECK(to_string(daemon_powers({.other_accounts = true, .as_root = true})) == "none");
}

TEST_CASE("the helper keeps the powers that programs and commands take") {
    CHECK(to_string(helper_powers({.captures = true, .low_port = true})) == "none");
    CHECK(to_string(helper_powers({.changes_filter = true})) == "net_admin net_raw");
    CHECK(to_string(helper_powers({.other_accounts = true})) == "kill setgid setuid");
    CHECK(to_string(helper_powers({.root = true, .as_root = true})) == "kill setgid setuid");
    CHECK(to_string(helper_powers({.root = true, .others_files = true})) == "dac_override");

    CHECK(helper_limits({.root = true, .changes_filter = true}).inherited.none());
    CHECK(to_string(helper_limits({.changes_filter = true, .other_accounts = true}).inherited) ==
          "net_admin net_raw");
    CHECK(helper_limits({.other_accounts = true}).for_programs);
    CHECK_FALSE(helper_limits({.as_root = true}).for_programs);
}

TEST_CASE("what a configuration needs is read off it") {
    configuration config;
    config.stanzas.emplace_back();
    CHECK(needs_of(config, false).changes_filter);
    CHECK(needs_of(config, false).captures);
    CHECK_FALSE(needs_of(config, true).changes_filter);
    config.server.udp_server = true;
    CHECK_FALSE(needs_of(config, false).captures);
    CHECK_FALSE(needs_of(config, false).low_port);
    config.server.udp_server_port = 1023;
    CHECK(needs_of(config, false).low_port);
    config.server.udp_server_port = 1024;
    CHECK_FALSE(needs_of(config, false).low_port);

    stanza& entry = config.stanzas.front();
    entry.command.run_as =
        account{.user = 12345, .group = 1, .groups = {}, .user_name = {}, .group_name = {}};
    CHECK_FALSE(needs_of(config, false).other_accounts); // not enabled
    entry.command.enabled = true;
    CHECK(needs_of(config, false).other_accounts);
    CHECK_FALSE(needs_of(config, false).as_root);
    entry.command.by_sudo = true;
    CHECK(needs_of(config, false).as_root);
    entry.command.by_sudo = false;
    entry.command.run_as->user = 0;
    CHECK(needs_of(config, false).as_root);
    entry.cycle.open = "/bin/true";
    CHECK_FALSE(needs_of(config, false).changes_filter);
}

TEST_CASE("what is given up is gone for good") {
    test::forked child{[](const auto&) {
        forbid_new_privileges();
        keep_only({});
        for (const char* const field : {"CapPrm", "CapEff", "CapAmb", "CapInh"})
            if (own(field) != "0000000000000000") return 1;
        // Without the power to change it the bounding set stays; root has it.
        if (::geteuid() == 0 && own("CapBnd") != "0000000000000000") return 2;
        if (own("NoNewPrivs") != "1") return 3;
        keep_only({power_set{}.set(), {}});
        return own("CapPrm") == "0000000000000000" ? 0 : 4;
    }};
    CHECK(child.wait() == 0);
}
