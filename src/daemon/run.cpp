// SPDX-License-Identifier: Apache-2.0
#include "daemon/run.hpp"

#include "core/policy/access_config.hpp"
#include "core/spa/self_test.hpp"
#include "daemon/account_files.hpp"
#include "daemon/accounts.hpp"
#include "daemon/background.hpp"
#include "daemon/configuration.hpp"
#include "daemon/control.hpp"
#include "daemon/firewall_setup.hpp"
#include "daemon/helper_setup.hpp"
#include "daemon/key_generation.hpp"
#include "daemon/log.hpp"
#include "daemon/options.hpp"
#include "daemon/privileges.hpp"
#include "daemon/replay_store.hpp"
#include "daemon/resident_memory.hpp"
#include "daemon/run_lock.hpp"
#include "daemon/sandbox.hpp"
#include "daemon/service.hpp"
#include "daemon/service_manager.hpp"
#include "firewall/firewalld_worker.hpp"
#include "firewall/helper.hpp"
#include "gpg/worker.hpp"

#include <clocale>
#include <csignal>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

namespace fwknop::daemon {

namespace {

void print(const diagnostics& report) {
    for (const auto& each : report.all()) std::cerr << each.to_string() << "\n";
}

void print_error_codes() {
    for (std::size_t i = 0; i < errc_count; ++i) {
        std::cout << "err code: " << i << ", err string: '" << message_of(static_cast<errc>(i))
                  << "'\n";
    }
}

// Numbers stay in the one form that configuration files and log filters know.
void use_locale(const std::string& name) {
    if (name.empty()) return;
    if (std::setlocale(LC_ALL, name.c_str()) == nullptr) {
        std::cerr << "WARNING: Unable to set locale to '" << name << "'.\n";
    }
    static_cast<void>(std::setlocale(LC_NUMERIC, "C"));
}

/// Who holds these is the one daemon of the run directory.
struct run_locks {
    /// The folder's own lock keeps out a second daemon whatever its pid file is called.
    explicit run_locks(const server_config& server)
        : folder{(make_run_directory(server.run_dir),
                  run_lock::acquire(server.run_dir + "/fwknopd.lock"))}
        , pid{run_lock::acquire(server.pid_file)} {}

    run_lock folder;
    run_lock pid;
};

/// --exit-parse-digest-cache: says what is odd about the replay file.
int test_replay_file(const options& given, const server_config& server) {
    if (given.rotate_digest_cache) {
        const run_locks locks{server};
        rotate_replay_file(server.digest_file);
    }
    const auto store = replay_store::open(server.digest_file, unix_time::min(), false);
    for (const auto& each : store.warnings()) std::cerr << each << "\n";
    std::cout << "Digest cache parsed, exiting.\n";
    return 0;
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
    if (given.confirm) return confirm_running(server.pid_file);
    if (given.fw_list || given.fw_list_all) return list_rules(server, given.fw_list_all);
    return flush_rules(server);
}

// Else every packet would be refused, and nobody told why.
void check_crypto_library() {
    if (const auto tested = self_test(); !tested) {
        throw std::runtime_error{
            "[*] The crypto library cannot open or make packets: " + tested.error().message() +
            ". Packets need MD5, SHA and AES-256: is it in FIPS mode? See "
            "OPENSSL_CONF and openssl list -providers"};
    }
}

// Whoever starts us may be root; what was written for that account must be the daemon's then.
account take_account(const configuration& config, const power_needs& needs,
                     const helper_rules& may_start) {
    account who = daemon_account(config.server);
    if (::geteuid() != 0 && !config.server.user.empty() && who.user_name != config.server.user)
        log::warning("[-] FWKNOP_USER '" + config.server.user +
                     "' has no effect: fwknopd was not started as root");
    if (::geteuid() == 0 && who.user != 0) {
        give_files(config.server, who);
        become(who, daemon_powers(needs) | helper_powers(needs));
        if (const auto problem = start_problem(config, who, may_start.programs))
            throw std::runtime_error{*problem};
    }
    return who;
}

int serve(const options& given, configuration config, const diagnostics& report) {
    const server_config server = config.server;
    service_manager manager = service_manager::from_environment();
    // Who waits for our word keeps us in the background itself, and loses us if we fork.
    const bool foreground = given.foreground || manager.present();
    const auto journal = log::journal_of_standard_error();
    log::settings sinks{.standard_error = !journal,
                        .syslog = !journal && (given.syslog_enable || !foreground),
                        .journal = journal,
                        .identity = server.syslog_identity,
                        .facility = server.syslog_facility,
                        .verbose = static_cast<int>(server.verbose)};
    log::open(sinks);
    check_crypto_library();

    run_locks locks{server};
    std::optional<background> detached;
    if (!foreground) {
        detached.emplace();
        locks.folder.write_pid();
        locks.pid.write_pid();
    }
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    static_cast<void>(
        std::signal(SIGXFSZ, SIG_IGN)); // a replay file at its limit is an error, not the end

    log::info("Starting fwknopd");
    for (const auto& each : report.all()) log::warning(each.to_string());
    helper_rules may_start = helper_rules_for(config, given.test);
    const power_needs needs = needs_of(config, given.test);
    const account who = take_account(config, needs, may_start);
    if (given.rotate_digest_cache) {
        log::info("Rotating digest cache file.");
        rotate_replay_file(server.digest_file);
    }
    forbid_inspection();
    helper starter{may_start, [&config, &needs] {
                       config = {}; // it has no use for the keys
                       keep_only(helper_limits(needs));
                       if (!needs.as_root && !confined()) forbid_new_privileges();
                   }};
    keep_only({daemon_powers(needs), {}});
    forbid_new_privileges();
    for (const std::string& line : unreadable_files(config.server, config.stanzas, who))
        log::warning(line);
    service daemon{given, std::move(config), std::move(manager), starter, std::move(may_start)};
    return daemon.run([&] {
        if (server.sandbox) enter_sandbox();
        log::info(std::string{"Sandbox: "} + (server.sandbox ? "on" : "off (SANDBOX N)") +
                  ", user " + who.user_name + ", capabilities " + to_string(daemon_powers(needs)) +
                  "; the helper's: " + to_string(helper_powers(needs)));
        trim_resident_memory();
        if (!detached) return;
        sinks.standard_error = false;
        log::open(sinks);
        detached->started();
    });
}

} // namespace

int run(const std::vector<std::string>& arguments) {
    forbid_core_dumps();
    if (arguments.size() == 2 && arguments.front() == gpg::worker_option) {
        give_up_powers();
        return gpg::run_worker(arguments.back(), STDIN_FILENO, STDOUT_FILENO);
    }
    if (arguments.size() == 2 && arguments.front() == firewalld_worker_option) {
        return run_firewalld_worker(arguments.back(), std::cin, std::cout, std::cerr);
    }
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
                  << ", firewall backends: nftables, iptables, ip6tables, firewalld, pf, ipfw\n";
        return 0;
    }
    if (given.dump_serv_err_codes) {
        print_error_codes();
        return 0;
    }
    if (given.key_gen || given.key_gen_file) return generate_keys(given);

    configuration config;
    diagnostics report;
    const bool needs_stanzas = !(given.status || given.kill || given.restart || given.confirm ||
                                 given.fw_list || given.fw_list_all || given.fw_flush);
    const bool loaded = needs_stanzas ? load_configuration(given, config, report)
                                      : load_server_config(given, config.server, report);
    if (!loaded) {
        print(report);
        return 1;
    }
    use_locale(config.server.locale);
    const bool serves = needs_stanzas && !given.exit_parse_config && !given.dump_config &&
                        !given.exit_parse_digest_cache;
    if (serves) return serve(given, std::move(config), report);
    print(report);
    if (given.exit_parse_config) {
        std::cout << "Configs parsed, exiting.\n";
        return 0;
    }
    if (given.exit_parse_digest_cache) return test_replay_file(given, config.server);
    if (given.dump_config) {
        std::cout << "Current fwknopd config settings:\n"
                  << dump(config.server) << "\nCurrent fwknopd access settings:\n"
                  << dump(config.stanzas);
        return 0;
    }
    return control_other(given, config.server);
}

} // namespace fwknop::daemon
