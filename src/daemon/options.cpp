// SPDX-License-Identifier: Apache-2.0
#include "daemon/options.hpp"

#include <boost/make_shared.hpp>
#include <boost/program_options.hpp>

#include <array>
#include <sstream>
#include <string_view>
#include <variant>

namespace fwknop::daemon {

namespace {

namespace po = boost::program_options;

using flag = bool options::*;
using counter = int options::*;
using text = std::optional<std::string> options::*;

/// One line per option: the names as Boost.Program_options takes them, where the value goes, help.
struct option_row {
    const char* names;
    std::variant<flag, counter, text> target;
    const char* help;
};

constexpr std::array option_table{
    option_row{"access-file,a", &options::access_file, "the access.conf to use"},
    option_row{"access-folder", &options::access_folder,
               "a folder whose *.conf files are all read as access.conf"},
    option_row{"confirm", &options::confirm,
               "tell the running fwknopd that its --trial went well: the protection stays"},
    option_row{"config-file,config,c", &options::config_file, "the fwknopd.conf to use"},
    option_row{"packet-limit,C", &options::packet_limit,
               "exit after this many packets that passed the capture filter"},
    option_row{"digest-file,d", &options::digest_file, "the replay file to use"},
    option_row{"dump-config,D", &options::dump_config,
               "print the effective configuration and exit"},
    option_row{"dump-serv-err-codes", &options::dump_serv_err_codes,
               "print every reason for which packets are refused and exit"},
    option_row{"exit-parse-config", &options::exit_parse_config, "test the configuration and exit"},
    option_row{"exit-parse-digest-cache", &options::exit_parse_digest_cache,
               "test the replay file and exit"},
    option_row{"foreground,f", &options::foreground,
               "do not become a background daemon; log to standard error"},
    option_row{"fw-list", &options::fw_list, "list the rules that fwknopd has made and exit"},
    option_row{"fw-list-all", &options::fw_list_all,
               "list the whole packet filter policy and exit"},
    option_row{"fw-flush", &options::fw_flush, "remove the rules that fwknopd has made and exit"},
    option_row{"gpg-home-dir", &options::gpg_home_dir, "the GnuPG home directory"},
    option_row{"gpg-exe", &options::gpg_exe, "the gpg program"},
    option_row{"help,h", &options::help, "print this text and exit"},
    option_row{"hmac-digest-type", &options::hmac_digest_type,
               "with --key-gen: the HMAC that the key is for"},
    option_row{"hmac-key-len", &options::hmac_key_len,
               "with --key-gen: bytes of the HMAC key, 1 to 128"},
    option_row{"interface,i", &options::interface,
               "the interface to watch; several separated by commas, or any"},
    option_row{"key-gen,k", &options::key_gen,
               "print a new encryption key and a new HMAC key and exit"},
    option_row{"key-gen-file", &options::key_gen_file,
               "with --key-gen: write the keys to this file"},
    option_row{"key-len", &options::key_len,
               "with --key-gen: bytes of the encryption key, 1 to 32"},
    option_row{"kill,K", &options::kill, "stop the running fwknopd"},
    option_row{"locale,l", &options::locale, "a locale other than the system's"},
    option_row{"no-firewd-check-support", &options::no_firewd_check_support,
               "accepted, has no effect"},
    option_row{"no-ipt-check-support", &options::no_ipt_check_support, "accepted, has no effect"},
    option_row{"override-config,O", &options::override_config,
               "files read after fwknopd.conf, separated by commas"},
    option_row{"pcap-any-direction", &options::pcap_any_direction,
               "see packets that leave the interface, too"},
    option_row{"pcap-file", &options::pcap_file, "read packets from this capture, then exit"},
    option_row{"pcap-filter,P", &options::pcap_filter, "the capture filter (see pcap-filter(7))"},
    option_row{"pid-file,p", &options::pid_file, "the pid file to use"},
    option_row{"restart,R", &options::restart,
               "make the running fwknopd read its configuration again"},
    option_row{"rotate-digest-cache", &options::rotate_digest_cache,
               "rename the replay file to <name>-old and begin a new one"},
    option_row{"run-dir,r", &options::run_dir, "the folder for pid and replay file"},
    option_row{"status,S", &options::status, "tell whether fwknopd runs: exit status 0, else 1"},
    option_row{"sudo-exe", &options::sudo_exe, "the sudo program"},
    option_row{"syslog-enable", &options::syslog_enable, "log to syslog in the foreground, too"},
    option_row{"test,t", &options::test,
               "authenticate and log, but open nothing, run nothing, remember nothing"},
    option_row{"trial", &options::trial,
               "hide PROTECT_PORTS for so many seconds, then end, unless --confirm comes first"},
    option_row{"udp-server,U", &options::udp_server, "listen on a UDP port instead of capturing"},
    option_row{"verbose,v", &options::verbose, "tell more; may be repeated"},
    option_row{"version,V", &options::version, "print the version and exit"},
};

po::options_description description() {
    po::options_description all{"Options", 100, 60};
    for (const auto& row : option_table) {
        const bool takes_value = std::holds_alternative<text>(row.target);
        const auto* const semantic =
            takes_value ? static_cast<const po::value_semantic*>(
                              po::value<std::vector<std::string>>()->value_name("ARG"))
                        : new po::untyped_value(true);
        all.add(boost::make_shared<po::option_description>(row.names, semantic, row.help));
    }
    return all;
}

// "access-file,a" -> "access-file": the name under which a parsed option is reported.
std::string_view first_name(const option_row& row) {
    const std::string_view names = row.names;
    return names.substr(0, names.find(','));
}

void apply(const option_row& row, const std::vector<std::string>& values, options& out) {
    if (const auto* const target = std::get_if<flag>(&row.target)) {
        out.*(*target) = true;
    } else if (const auto* const count = std::get_if<counter>(&row.target)) {
        ++(out.*(*count));
    } else {
        out.*std::get<text>(row.target) = values.back(); // the last one wins
    }
}

int exclusive_modes(const options& out) {
    return int{out.dump_config} + int{out.kill} + int{out.restart} + int{out.status};
}

} // namespace

boost::system::result<options, usage_error>
parse_options(const std::vector<std::string>& arguments) {
    options out;
    try {
        const auto known = description();
        const auto parsed = po::command_line_parser{arguments}
                                .options(known)
                                .positional(po::positional_options_description{})
                                .run();
        for (const auto& option : parsed.options) {
            for (const auto& row : option_table) {
                if (first_name(row) == option.string_key) apply(row, option.value, out);
            }
        }
    } catch (const po::error& error) {
        return usage_error{std::string{"fwknopd: "} + error.what()};
    }
    if (exclusive_modes(out) > 1) {
        return usage_error{
            "The -D, -K, -R, and -S options are mutually exclusive.  Pick only one."};
    }
    if (out.confirm && exclusive_modes(out) > 0)
        return usage_error{"--confirm is of no use together with -D, -K, -R or -S."};
    return out;
}

std::string usage_text() {
    std::ostringstream out;
    out << "\nfwknopd server version " << FWKNOP_VERSION
        << "\nSingle Packet Authorization server\n\nUsage: fwknopd [options]\n\n"
        << description();
    return out.str();
}

} // namespace fwknop::daemon
