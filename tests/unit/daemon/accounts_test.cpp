// SPDX-License-Identifier: Apache-2.0
#include "daemon/accounts.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

#include <pwd.h>
#include <unistd.h>

using namespace fwknop;
using namespace fwknop::daemon;

namespace {

struct accounts {
    stanza entry;
    diagnostics report;

    accounts() { entry.command.enabled = true; }

    [[nodiscard]] account resolved() {
        resolve_accounts(entry, daemon_account({}), report);
        REQUIRE_FALSE(report.failed());
        REQUIRE(entry.command.run_as);
        return *entry.command.run_as;
    }
};

} // namespace

TEST_CASE_METHOD(accounts, "without directives a command runs as the daemon") {
    const account who = resolved();
    CHECK(who.user == ::geteuid());
    CHECK(who.group == ::getegid());
    CHECK(std::ranges::find(who.groups, who.group) != who.groups.end());
    CHECK_FALSE(entry.cycle.run_as);
}

TEST_CASE_METHOD(accounts, "a user brings its group and its groups") {
    entry.command.user.text = "nobody";
    const ::passwd nobody = *::getpwnam("nobody");
    const account who = resolved();
    CHECK(who.user == nobody.pw_uid);
    CHECK(who.group == nobody.pw_gid);
    CHECK(who.user_name == "nobody");
    CHECK(who.groups == std::vector<std::uint32_t>{nobody.pw_gid});
}

TEST_CASE_METHOD(accounts, "a group is one, or else a user's") {
    entry.command.user.text = "nobody";
    entry.command.group.text = "tty"; // a group, and no user
    CHECK(resolved().group_name == "tty");
    entry.command.group.text = "sync"; // a user of the group nogroup, and no group
    CHECK(resolved().group == ::getpwnam("sync")->pw_gid);
    entry.command.user.text.clear();
    entry.command.group.text = "tty";
    CHECK(resolved().user == ::geteuid());
    CHECK(resolved().group_name == "tty");
}

TEST_CASE_METHOD(accounts, "a cycle runs as the daemon whatever commands run as") {
    entry.cycle.open = "/bin/true";
    entry.command.user.text = "nobody";
    static_cast<void>(resolved());
    REQUIRE(entry.cycle.run_as);
    CHECK(entry.cycle.run_as->user == ::geteuid());
}

TEST_CASE_METHOD(accounts, "a stanza without commands needs nobody") {
    entry.command.enabled = false;
    resolve_accounts(entry, daemon_account({}), report);
    CHECK_FALSE(entry.command.run_as);
    CHECK_FALSE(entry.cycle.run_as);
}
