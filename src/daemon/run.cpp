// SPDX-License-Identifier: Apache-2.0
#include "daemon/run.hpp"

#include "core/policy/access_config.hpp"
#include "daemon/background.hpp"
#include "daemon/configuration.hpp"
#include "daemon/control.hpp"
#include "daemon/firewall_setup.hpp"
#include "daemon/log.hpp"
#include "daemon/options.hpp"
#include "daemon/run_lock.hpp"
#include "daemon/service.hpp"

#include <csignal>
#include <iostream>
#include <optional>
#include <stdexcept>

#include <sys/resource.h>

namespace fwknop::daemon {

namespace {

void print(const diagnostics& report) {
    for (const auto& each : report.all()) std::cerr << each.to_string() << "\n";
}

// Options that are in the table, and in the manual of the 2.6 line, but do nothing here yet.
void refuse_unsupported(const options& given) {
    const auto refuse = [](bool asked, const char* name) {
        if (asked) {
            throw std::runtime_error{std::string{"fwknopd: "} + name +
                                     " is not supported by this version"};
        }
    };
    refuse(given.key_gen || given.key_gen_file || given.key_len || given.hmac_key_len ||
               given.hmac_digest_type,
           "--key-gen (use the client: fwknop --key-gen)");
    refuse(given.exit_parse_digest_cache, "--exit-parse-digest-cache");
    refuse(given.rotate_digest_cache, "--rotate-digest-cache");
    refuse(given.dump_serv_err_codes, "--dump-serv-err-codes");
}

// A core dump would hold every key.
void forbid_core_dumps() {
    const rlimit none{0, 0};
    static_cast<void>(::setrlimit(RLIMIT_CORE, &none));
}

/// What only needs to know where the pid file is, or which firewall is used.
int control_other(const options& given, const server_config& server) {
    if (given.status) return print_status(server.pid_file);
    if (given.kill) return kill_running(server.pid_file);
    if (given.restart) return restart_running(server.pid_file);
    if (given.fw_list || given.fw_list_all) return list_rules(server, given.fw_list_all);
    return flush_rules(server);
}

int serve(const options& given, const configuration& config, const diagnostics& report) {
    const server_config& server = config.server;
    log::settings sinks{.standard_error = true,
                        .syslog = given.syslog_enable || !given.foreground,
                        .identity = server.syslog_identity,
                        .facility = server.syslog_facility,
                        .verbose = static_cast<int>(server.verbose)};
    log::open(sinks);

    make_run_directory(server.run_dir);
    // The folder's own lock keeps out a second daemon whatever its pid file is called.
    run_lock folder_lock = run_lock::acquire(server.run_dir + "/fwknopd.lock");
    run_lock lock = run_lock::acquire(server.pid_file);
    std::optional<background> detached;
    if (!given.foreground) {
        detached.emplace();
        folder_lock.write_pid();
        lock.write_pid();
    }
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    static_cast<void>(
        std::signal(SIGXFSZ, SIG_IGN)); // a replay file at its limit is an error, not the end

    log::info("Starting fwknopd");
    for (const auto& each : report.all()) log::warning(each.to_string());
    service daemon{given, config};
    return daemon.run([&] {
        if (!detached) return;
        sinks.standard_error = false;
        log::open(sinks);
        detached->started();
    });
}

} // namespace

int run(const std::vector<std::string>& arguments) {
    forbid_core_dumps();
    const auto parsed = parse_options(arguments);
    if (!parsed) {
        std::cerr << parsed.error().text << "\n";
        return 1;
    }
    const options& given = *parsed;
    if (given.help) {
        std::cout << usage_text();
        return 0;
    }
    if (given.version) {
        std::cout << "fwknopd server " << FWKNOP_VERSION
                  << ", firewall backends: iptables, ip6tables\n";
        return 0;
    }
    refuse_unsupported(given);

    configuration config;
    diagnostics report;
    const bool needs_stanzas = !(given.status || given.kill || given.restart || given.fw_list ||
                                 given.fw_list_all || given.fw_flush);
    const bool loaded = needs_stanzas ? load_configuration(given, config, report)
                                      : load_server_config(given, config.server, report);
    if (!loaded) {
        print(report);
        return 1;
    }
    const bool serves = needs_stanzas && !given.exit_parse_config && !given.dump_config;
    if (serves) return serve(given, config, report);
    print(report);
    if (given.exit_parse_config) {
        std::cout << "Configs parsed, exiting.\n";
        return 0;
    }
    if (given.dump_config) {
        std::cout << "Current fwknopd config settings:\n"
                  << dump(config.server) << "\nCurrent fwknopd access settings:\n"
                  << dump(config.stanzas);
        return 0;
    }
    return control_other(given, config.server);
}

} // namespace fwknop::daemon
