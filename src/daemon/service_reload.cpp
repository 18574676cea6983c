// SPDX-License-Identifier: Apache-2.0
// What the daemon does beside its work when it is asked: SIGHUP, SIGUSR2; and the replay file,
// rid of what is outdated.
#include "core/policy/reload.hpp"
#include "daemon/account_files.hpp"
#include "daemon/helper_setup.hpp"
#include "daemon/log.hpp"
#include "daemon/privileges.hpp"
#include "daemon/service.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace fwknop::daemon {

namespace {

/// How often the replay file is written anew without what is outdated, if packets come at all.
constexpr std::chrono::hours compaction_interval{24};

} // namespace

unix_time forget_before(const server_config& server, unix_time now) {
    if (!checks_age(server)) return unix_time{};
    return now - 2 * std::chrono::seconds{server.max_packet_age} - std::chrono::hours{24};
}

bool opens_ports(const stanza& entry) {
    return !entry.cycle.enabled();
}

bool translates_sources(const std::vector<stanza>& stanzas) {
    return std::ranges::any_of(stanzas, [](const stanza& entry) {
        return entry.nat.force_snat || entry.nat.force_masquerade;
    });
}

// Whole or not at all: what cannot be read, opened or changed leaves everything as it was.
void service::reload() {
    log::info("Got SIGHUP. Re-reading configs.");
    if (running_) supervision_.reloading();
    configuration fresh;
    diagnostics report;
    bool done = false;
    try {
        const bool loaded = load_configuration(given_, fresh, report);
        for (const auto& each : report.all())
            log::write(each.level == severity::error ? log::level::error : log::level::warning,
                       each.to_string());
        done = loaded && take_over(std::move(fresh));
    } catch (const std::exception& error) {
        log::error(error.what());
    }
    if (done)
        log::info("The new configuration is in force.");
    else
        tell_unchanged();
    if (running_) supervision_.ready();
}

// Who may read what may have changed since the start, and root without its powers is not special.
void service::tell_unchanged() {
    const account who = daemon_account(rules_->server());
    for (const std::string& line : unreadable_files(rules_->server(), rules_->stanzas(), who))
        log::warning(line);
    log::error("The configuration of before stays in force.");
}

bool service::take_over(configuration fresh) {
    const auto changes = compare(rules_->server(), fresh.server);
    for (const auto& name : changes.on_restart)
        log::error("[*] " + name + " cannot change while fwknopd runs: restart it");
    if (!changes.on_restart.empty()) return false;
    if (const auto forbidden = forbidden_command(may_start_, fresh.stanzas)) {
        log::error("[*] " + *forbidden);
        return false;
    }
    if (!test_mode_ && !keeper_ && std::ranges::any_of(fresh.stanzas, opens_ports)) {
        log::error("[*] The first stanza that opens ports needs a restart of fwknopd: the packet "
                   "filter was not set up for command cycles only");
        return false;
    }
    if (keeper_ && translates_sources(fresh.stanzas) && !translates_sources_) {
        log::error("[*] The first FORCE_SNAT or FORCE_MASQUERADE needs a restart of fwknopd: the "
                   "packet filter was not set up for it");
        return false;
    }
    const auto rules = std::make_shared<const rulebook>(std::move(fresh));
    sources_.use(rules, changes.capture); // or an exception
    pipeline_.use(rules);
    rules_ = rules;
    log::set_verbosity(static_cast<int>(rules_->server().verbose));
    return true;
}

// SIGUSR2.
void service::confirm_trial() {
    if (trial_)
        trial_->confirm();
    else
        log::warning("Got SIGUSR2, but there is no --trial to confirm.");
}

void service::compact_replays() {
    const auto now = read_clocks().wall;
    if (now - compacted_ < compaction_interval) return;
    compacted_ = now;
    if (const auto done = replays_.compact(forget_before(rules_->server(), now)); !done)
        log::error("Cannot drop the outdated entries of the replay file: " +
                   done.error().message());
}

} // namespace fwknop::daemon
