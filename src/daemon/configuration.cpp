// SPDX-License-Identifier: Apache-2.0
#include "daemon/configuration.hpp"

#include "core/policy/access_config.hpp"
#include "daemon/accounts.hpp"
#include "daemon/firewall_setup.hpp"
#include "daemon/posix_files.hpp"
#include "firewall/filter_limits.hpp"
#include "gpg/engine.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/stat.h>

namespace fwknop::daemon {

namespace {

constexpr std::string_view default_config_file = "/etc/fwknop/fwknopd.conf";

/// The options that stand for a directive.
struct option_directive {
    std::optional<std::string> options::*option;
    const char* option_name;
    const char* directive;
};

constexpr std::array text_options{
    option_directive{&options::access_file, "--access-file", "ACCESS_FILE"},
    option_directive{&options::access_folder, "--access-folder", "ACCESS_FOLDER"},
    option_directive{&options::digest_file, "--digest-file", "DIGEST_FILE"},
    option_directive{&options::pid_file, "--pid-file", "FWKNOP_PID_FILE"},
    option_directive{&options::run_dir, "--run-dir", "FWKNOP_RUN_DIR"},
    option_directive{&options::pcap_file, "--pcap-file", "PCAP_FILE"},
    option_directive{&options::gpg_home_dir, "--gpg-home-dir", "GPG_HOME_DIR"},
    option_directive{&options::gpg_exe, "--gpg-exe", "GPG_EXE"},
    option_directive{&options::sudo_exe, "--sudo-exe", "SUDO_EXE"},
    option_directive{&options::locale, "--locale", "LOCALE"},
    option_directive{&options::interface, "--interface", "PCAP_INTF"},
    option_directive{&options::pcap_filter, "--pcap-filter", "PCAP_FILTER"},
};

struct flag_directive {
    bool options::*option;
    const char* option_name;
    const char* directive;
};

constexpr std::array flag_options{
    flag_directive{&options::pcap_any_direction, "--pcap-any-direction",
                   "ENABLE_PCAP_ANY_DIRECTION"},
    flag_directive{&options::udp_server, "--udp-server", "ENABLE_UDP_SERVER"},
};

bool is_of(uid_t owner, const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && status.st_uid == owner;
}

bool read_file(const std::string& path, server_config& config, diagnostics& report) {
    posix_files files;
    auto file = files.read(path);
    if (!file) {
        report.fail({}, 0,
                    "[*] Could not open config file: " + path + ": " + file.error().message());
        return false;
    }
    const bool good = parse_server_config(path, file->text.text(), config, report);
    // It may itself say whose it should be.
    if (!file->owned_by_us) file->owned_by_us = is_of(daemon_account(config).user, path);
    check_permissions(path, *file, report);
    return good;
}

bool apply_options(const options& given, server_config& config, diagnostics& report) {
    for (const auto& row : text_options) {
        const auto& value = given.*row.option;
        if (value && !set_server_option(row.directive, *value, row.option_name, config, report)) {
            return false;
        }
    }
    for (const auto& row : flag_options) {
        if (given.*row.option &&
            !set_server_option(row.directive, "Y", row.option_name, config, report)) {
            return false;
        }
    }
    return given.verbose == 0 ||
           set_server_option("VERBOSE", std::to_string(given.verbose), "--verbose", config, report);
}

bool read_override_files(const std::string& paths, server_config& config, diagnostics& report) {
    std::string_view rest = paths;
    for (bool more = true; more;) {
        const std::size_t comma = rest.find(',');
        const std::string path{rest.substr(0, comma)};
        if (!path.empty() && !read_file(path, config, report)) return false;
        more = comma != std::string_view::npos;
        if (more) rest.remove_prefix(comma + 1);
    }
    return true;
}

unix_time local_midnight_of(int year, int month, int day) {
    std::tm parts{};
    parts.tm_year = year - 1900;
    parts.tm_mon = month - 1;
    parts.tm_mday = day;
    parts.tm_isdst = -1;
    return from_seconds(std::mktime(&parts));
}

// What would fail for every packet is an error now. Which keys a keyring has may change while we
// run, as the administrator imports them.
void check_gpg(const stanza& entry, diagnostics& report) {
    if (!entry.gpg.usable()) return;
    const auto checked = gpg::check_engine({entry.gpg.program, entry.gpg.home_dir});
    if (!checked) {
        report.fail(entry.file, entry.line,
                    "[*] " + checked.error().text + " (stanza source: '" + entry.source_text +
                        "')");
    }
}

// What the chosen packet filter cannot do must not wait for the first packet.
void check_filter(const configuration& config, diagnostics& report) {
    if (std::ranges::all_of(config.stanzas, [](const auto& each) { return each.cycle.enabled(); }))
        return;
    const server_config& server = config.server;
    for (const auto& limit : filter_limits(choose_backend(server).kind, server, config.stanzas)) {
        const auto& setting = server.setting_of(limit.entry ? "FIREWALL_BACKEND" : limit.directive);
        report.fail(limit.entry ? limit.entry->file : setting.where,
                    limit.entry ? limit.entry->line : setting.line,
                    "[*] " + std::string{limit.directive} + ": " + limit.text);
    }
}

} // namespace

bool load_server_config(const options& given, server_config& config, diagnostics& report) {
    const std::string path = given.config_file.value_or(std::string{default_config_file});
    if (!read_file(path, config, report)) return false;
    if (given.override_config && !read_override_files(*given.override_config, config, report)) {
        return false;
    }
    const auto note = [&](const char* directive, const std::string& value, const char* option) {
        return set_server_option(directive, value, option, config, report);
    };
    if (!note("CONFIG_FILE", path, "--config-file") ||
        (given.override_config &&
         !note("OVERRIDE_CONFIG", *given.override_config, "--override-config"))) {
        return false;
    }
    if (!apply_options(given, config, report) || !finish_server_config(config, report)) {
        return false;
    }
    // A daemon changes to /: what is relative now would be somewhere else then.
    for (auto* const file : {&config.pid_file, &config.digest_file}) {
        *file = std::filesystem::absolute(*file);
    }
    check_daemon_account(config, report);
    return !report.failed();
}

bool load_configuration(const options& given, configuration& config, diagnostics& report) {
    if (!load_server_config(given, config.server, report)) return false;
    const server_config& server = config.server;
    const account daemon = daemon_account(server);
    posix_files files{daemon.user};
    std::error_code ignored;
    if (given.access_file && std::filesystem::is_symlink(*given.access_file, ignored)) {
        report.fail(*given.access_file, 0,
                    "[*] --access-file '" + *given.access_file +
                        "' is a symbolic link: name the file itself");
        return false;
    }
    config.stanzas =
        server.access_folder.empty()
            ? parse_access_config(server.access_file, files, server, local_midnight_of, report)
            : parse_access_folder(server.access_folder, files, server, local_midnight_of, report);
    if (report.failed()) return false;
    for (auto& entry : config.stanzas) {
        // A command that runs as nobody knows whom must not wait for the first packet.
        resolve_accounts(entry, daemon, report);
        check_gpg(entry, report);
    }
    check_filter(config, report);
    return !report.failed();
}

} // namespace fwknop::daemon
