// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fwknop::daemon {

/// What the command line of `fwknopd` asks for, unchecked against any configuration. An empty
/// string or optional: not given.
struct options {
    // Files and folders.
    std::optional<std::string> access_file;
    std::optional<std::string> access_folder;
    std::optional<std::string> config_file;
    std::optional<std::string> digest_file;
    std::optional<std::string> override_config; ///< paths separated by commas
    std::optional<std::string> pid_file;
    std::optional<std::string> run_dir;
    std::optional<std::string> pcap_file;
    std::optional<std::string> gpg_home_dir;
    std::optional<std::string> gpg_exe;
    std::optional<std::string> sudo_exe;
    std::optional<std::string> locale;

    // Capture.
    std::optional<std::string> interface;
    std::optional<std::string> pcap_filter;
    std::optional<std::string> packet_limit; ///< a number above zero
    bool pcap_any_direction = false;
    bool udp_server = false;

    // How to run.
    bool foreground = false;
    bool syslog_enable = false;
    bool test = false;
    std::optional<std::string> trial; ///< seconds
    int verbose = 0;                  ///< how often -v was given
    bool no_ipt_check_support = false;
    bool no_firewd_check_support = false;

    // Something else than running: at most one of the first five.
    bool dump_config = false;
    bool kill = false;
    bool restart = false;
    bool status = false;
    bool confirm = false;
    bool exit_parse_config = false;
    bool exit_parse_digest_cache = false;
    bool rotate_digest_cache = false;
    bool dump_serv_err_codes = false;
    bool fw_list = false;
    bool fw_list_all = false;
    bool fw_flush = false;
    bool help = false;
    bool version = false;

    // Making keys.
    bool key_gen = false;
    std::optional<std::string> key_gen_file;
    std::optional<std::string> key_len;
    std::optional<std::string> hmac_key_len;
    std::optional<std::string> hmac_digest_type;
};

/// A complaint about the command line, one line.
struct usage_error {
    std::string text;
};

/// Reads the arguments after the program's name. Long options may be cut to any unambiguous
/// prefix, short ones joined, as getopt_long has it.
[[nodiscard]] boost::system::result<options, usage_error>
parse_options(const std::vector<std::string>& arguments);

/// The usage text, made from the option table.
[[nodiscard]] std::string usage_text();

} // namespace fwknop::daemon
