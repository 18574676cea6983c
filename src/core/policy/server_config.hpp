// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/policy/chain_spec.hpp"
#include "core/policy/diagnostic.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

/// Where a directive's value comes from; a later one wins.
enum class value_origin : std::uint8_t {
    built_in,  ///< the default
    file,      ///< a configuration file
    option,    ///< the command line
    dependent, ///< computed from other directives by `finish_server_config`
};

/// A directive's value as it was written.
struct setting {
    std::string text; ///< empty: not set
    value_origin origin = value_origin::built_in;
    std::string where;    ///< the file, or the option's name
    std::size_t line = 0; ///< 1-based, of a file
};

/// fwknopd.conf. Times are in the directive's own unit, see `server_directives`. A new directive is
/// a member here and a line in that table.
struct server_config {
    server_config(); ///< every default, nothing finished

    std::string config_file, override_config, locale, pcap_file, pcap_filter;
    std::vector<std::string> pcap_interfaces; ///< `any` stands alone
    std::string fault_injection_tag;          ///< accepted, without effect
    std::uint32_t verbose = 0;

    bool pcap_promisc = false, pcap_any_direction = false, exit_at_interface_down = true;
    std::uint32_t pcap_dispatch_count = 0; ///< packets per turn of the loop
    std::uint32_t pcap_loop_sleep = 0;     ///< microseconds; checked, without effect
    std::uint32_t max_sniff_bytes = 0;
    std::uint32_t pcap_ring_size = 0; ///< bytes that the kernel buffers for us

    bool packet_aging = true, digest_persistence = true;
    std::uint32_t max_packet_age = 0; ///< seconds, both directions
    std::uint32_t rules_check_threshold = 0;
    std::uint32_t cmd_exec_timeout = 30; ///< seconds

    bool spa_over_http = false, allow_any_user_agent = false, x_forwarded_for = false;
    bool tcp_server = false, udp_server = false;
    std::uint32_t tcp_server_port = 0, udp_server_port = 0;
    std::uint32_t udp_server_select_timeout = 0; ///< microseconds; checked, without effect

    bool nfq_capture = false; ///< refused by `finish_server_config`
    std::string nfq_interface, nfq_port, nfq_table, nfq_chain, nfq_queue_number, nfq_loop_sleep;

    std::string syslog_identity, syslog_facility;
    bool destination_rule = false, rule_prepend = false, nat_dns = true;

    std::string firewall_backend, firewall_exe, snat_translate_ip;
    bool ipt_forwarding = false, ipt_local_nat = false, ipt_snat = false, ipt_output = false;
    bool flush_ipt_at_init = true, flush_ipt_at_exit = true, ipt_comment_check = true;
    chain_spec ipt_input, ipt_output_chain, ipt_forward, ipt_dnat, ipt_snat_chain, ipt_masquerade;

    bool firewd_forwarding = false, firewd_local_nat = false, firewd_snat = false;
    bool firewd_output = false, flush_firewd_at_init = true, flush_firewd_at_exit = true;
    bool firewd_comment_check = true;
    chain_spec firewd_input, firewd_output_chain, firewd_forward, firewd_dnat, firewd_snat_chain,
        firewd_masquerade;

    std::string nft_table, nft_mode, nft_input_access, protect_ports;

    bool flush_ipfw_at_init = true, flush_ipfw_at_exit = true, ipfw_add_check_state = false;
    std::uint32_t ipfw_start_rule = 0, ipfw_max_rules = 0, ipfw_active_set = 0, ipfw_expire_set = 0;
    std::uint32_t ipfw_purge_interval = 0; ///< seconds

    std::string pf_anchor;
    std::uint32_t pf_expire_interval = 0; ///< seconds; accepted, without effect

    std::string run_dir, conf_dir, access_file, access_folder, pid_file, digest_file,
        digest_db_file;
    std::string gpg_home_dir, gpg_exe, sudo_exe, user; ///< `user`: whom to become when run as root
    bool sandbox = true;                               ///< a filter of system calls

    std::vector<setting> settings; ///< parallel to `server_directives`

    /// What is known about the directive `name`, which must exist.
    [[nodiscard]] const setting& setting_of(std::string_view name) const;

    /// The directive was given in a file or by an option.
    [[nodiscard]] bool is_explicit(std::string_view name) const;

    /// Requests for NAT are honoured: a forwarding or local NAT directive is on.
    [[nodiscard]] bool nat_enabled() const noexcept;
};

/// Reads one fwknopd.conf, or one file of `--override-config`, over what `config` has. Stops at the
/// first error. Returns whether there was none. `path` is for messages only.
bool parse_server_config(const std::string& path, std::string_view text, server_config& config,
                         diagnostics& report);

/// Sets the directive `name` by a command-line option, which messages call `option`.
bool set_server_option(std::string_view name, std::string_view value, const std::string& option,
                       server_config& config, diagnostics& report);

/// After the last file and option: fills what depends on other directives, and checks what can
/// only be checked together. Returns whether there was no error.
bool finish_server_config(server_config& config, diagnostics& report);

/// The list of `--dump-config`, one numbered line per directive.
[[nodiscard]] std::string dump(const server_config& config);

} // namespace fwknop
