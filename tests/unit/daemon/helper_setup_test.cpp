// SPDX-License-Identifier: Apache-2.0
#include "daemon/helper_setup.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <optional>
#include <string>

using namespace fwknop;
using namespace fwknop::daemon;

namespace {

bool may_start(const helper_rules& rules, const std::string& path,
               std::vector<std::string> arguments = {}) {
    return !check(rules, {path, std::move(arguments), std::nullopt, std::chrono::seconds{1}});
}

account somebody(std::uint32_t user) {
    return {.user = user, .group = 1, .groups = {1}, .user_name = "u", .group_name = "g"};
}

} // namespace

TEST_CASE("the helper is told of the packet filter's programs, workers and look-ups") {
    configuration config;
    config.server.firewall_backend = "iptables";
    config.server.firewall_exe = "/usr/sbin/iptables";
    config.stanzas.emplace_back();
    const auto rules = helper_rules_for(config, false);
    for (const std::string family : {"/usr/sbin/iptables", "/usr/sbin/ip6tables"}) {
        CHECK(may_start(rules, family, {"-V"}));
        CHECK(may_start(rules, family + "-restore", {"-w", "--noflush"}));
        CHECK(may_start(rules, family + "-save", {"-t", "nat"}));
        for (const std::string& program : {family, family + "-restore", family + "-save"}) {
            CHECK_FALSE(may_start(rules, program, {}));
            for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{
                     {"--modprobe=/bin/evil"}, {"-M", "/bin/evil"}, {"--mod", "/bin/evil"}}) {
                CHECK_FALSE(may_start(rules, program, more));
                for (std::vector<std::string> words :
                     {std::vector<std::string>{"-V"}, {"-w", "--noflush"}, {"-t", "nat"}}) {
                    words.insert(words.end(), more.begin(), more.end());
                    CHECK_FALSE(may_start(rules, program, words));
                }
            }
        }
        CHECK_FALSE(may_start(rules, family + "-restore", {"-w", "--noflush", "/tmp/rules"}));
        CHECK_FALSE(may_start(rules, family + "-save", {"-t", "-M/bin/evil"}));
        CHECK_FALSE(may_start(rules, family, {"-F"}));
    }
    CHECK_FALSE(may_start(rules, "/proc/self/exe", {"--gpg-worker", ""}));
    CHECK_FALSE(may_start(rules, "/proc/self/exe", {"--firewalld-worker", "ipv4"}));
    CHECK_FALSE(may_start(rules, "/proc/self/exe", {"-f"}));
    CHECK(may_start(rules, "/usr/bin/getent", {"ahostsv4", "--", "host"}));
    CHECK_FALSE(may_start(rules, "/usr/bin/getent", {"shadow"}));
    CHECK_FALSE(may_start(rules, "/usr/bin/getent", {"ahostsv4", "host"}));
    CHECK_FALSE(may_start(rules, "/usr/bin/getent", {"ahostsv4", "--", "host", "-s"}));
    CHECK_FALSE(may_start(rules, "/usr/sbin/nft"));
    CHECK_FALSE(may_start(rules, "/bin/sh"));
    CHECK(rules.accounts.empty());

    CHECK_FALSE(may_start(helper_rules_for(config, true), "/usr/sbin/iptables", {"-V"}));
    config.stanzas.front().gpg.decrypt_id = "0123456789ABCDEF0123456789ABCDEF01234567";
    config.stanzas.front().gpg.no_password = true;
    const auto refusal = forbidden_command(rules, config.stanzas);
    REQUIRE(refusal);
    CHECK_THAT(*refusal, Catch::Contains("the first stanza for GnuPG needs a restart"));
    const auto with_gpg = helper_rules_for(config, false);
    CHECK(may_start(with_gpg, "/proc/self/exe", {"--gpg-worker", ""}));
    CHECK_FALSE(may_start(with_gpg, "/proc/self/exe", {"--gpg-worker"}));
    CHECK_FALSE(may_start(with_gpg, "/proc/self/exe", {"--gpg-worker", "/bin/evil"}));
    CHECK_FALSE(forbidden_command(with_gpg, config.stanzas));
    config.stanzas.front().gpg.program = "/opt/gpg";
    const auto other = forbidden_command(with_gpg, config.stanzas);
    REQUIRE(other);
    CHECK_THAT(*other, Catch::Contains("for GnuPG with GPG_EXE /opt/gpg needs a restart"));
    CHECK(
        may_start(helper_rules_for(config, false), "/proc/self/exe", {"--gpg-worker", "/opt/gpg"}));
    config.server.firewall_backend = "nftables";
    config.server.firewall_exe = "/usr/sbin/nft";
    config.server.nft_mode = "sets";
    const auto nft = helper_rules_for(config, false);
    CHECK(may_start(nft, "/usr/sbin/nft", {"-f", "-"}));
    CHECK_FALSE(may_start(nft, "/usr/sbin/nft", {"-f", "/tmp/rules"}));
    CHECK_FALSE(may_start(nft, "/usr/sbin/nft", {"-I", "/tmp", "-f", "-"}));
    CHECK_FALSE(may_start(nft, "/usr/sbin/nft", {"list", "ruleset"}));
    config.server.firewall_backend = "firewalld";
    config.server.firewall_exe.clear();
    const auto worker = helper_rules_for(config, false);
    for (const std::string family : {"ipv4", "ipv6"})
        CHECK(may_start(worker, "/proc/self/exe", {"--firewalld-worker", family}));
    CHECK_FALSE(may_start(worker, "/proc/self/exe", {"--firewalld-worker"}));
    CHECK_FALSE(may_start(worker, "/proc/self/exe", {"--firewalld-worker", "eb"}));
}

TEST_CASE("a reload has the accounts and the sudo of the start, and no others") {
    configuration config;
    config.server.firewall_backend = "none";
    config.stanzas.emplace_back();
    stanza& entry = config.stanzas.front();
    entry.file = "/a.conf";
    entry.line = 7;
    const auto nothing = helper_rules_for(config, false);
    entry.command.run_as = somebody(5);
    CHECK_FALSE(forbidden_command(nothing, config.stanzas)); // not enabled
    entry.command.enabled = true;
    const auto five = helper_rules_for(config, false);
    CHECK(five.accounts.size() == 1);
    CHECK_FALSE(forbidden_command(five, config.stanzas));
    CHECK(forbidden_command(nothing, config.stanzas) ==
          "/a.conf:7: the first command that runs as u/g needs a restart of fwknopd: its helper "
          "process was not told to start any");
    entry.command.run_as = somebody(6);
    CHECK(forbidden_command(five, config.stanzas));
    entry.command.run_as = somebody(5);
    entry.command.by_sudo = true;
    CHECK(forbidden_command(five, config.stanzas)->find("sudo needs") != std::string::npos);
    CHECK_FALSE(forbidden_command(helper_rules_for(config, false), config.stanzas));
}
