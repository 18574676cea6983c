// SPDX-License-Identifier: Apache-2.0
#include "core/policy/config_line.hpp"
#include "core/policy/server_config.hpp"
#include "core/policy/server_config_nft.hpp"
#include "core/policy/server_directives.hpp"

#include <fwknop/ip_address.hpp>

#include <algorithm>
#include <initializer_list>
#include <iomanip>
#include <sstream>

namespace fwknop {
namespace {

/// What libpcap programs of the 2.6 line accepted.
constexpr std::size_t max_filter_size = 1024;

class finisher {
  public:
    finisher(server_config& config, diagnostics& report) : config_{config}, report_{report} {}

    bool run() {
        derive("FWKNOP_PID_FILE", &server_config::pid_file, config_.run_dir + "/fwknopd.pid");
        derive("DIGEST_FILE", &server_config::digest_file, config_.run_dir + "/digest.cache");
        derive("DIGEST_DB_FILE", &server_config::digest_db_file,
               config_.run_dir + "/digest_db.cache");
        derive("ACCESS_FILE", &server_config::access_file, config_.conf_dir + "/access.conf");
        return check_capture() && check_http() && check_log() && check_folders() &&
               check_firewall();
    }

  private:
    void derive(std::string_view name, std::string server_config::*member, std::string value) {
        if (config_.is_explicit(name)) return;
        config_.*member = value;
        config_.settings[*find_server_directive(name)] = {std::move(value), value_origin::dependent,
                                                          "", 0};
    }

    bool refuse(std::string_view name, const std::string& text) {
        const auto& from = config_.setting_of(name);
        if (from.origin == value_origin::option) {
            report_.fail("", 0, from.where + ": " + text);
        } else {
            report_.fail(from.where, from.line, text);
        }
        return false;
    }

    [[nodiscard]] std::string quoted(std::string_view name) const {
        return "'" + config_.setting_of(name).text + "'";
    }

    bool one_of(std::string_view name, std::string& value,
                std::initializer_list<std::string_view> choices) {
        std::string list;
        for (const auto choice : choices) {
            if (equals_ignoring_case(value, choice)) {
                value = choice;
                return true;
            }
            list += (list.empty() ? "" : ", ") + std::string{choice};
        }
        return refuse(name, "Invalid " + std::string{name} + " setting " + quoted(name) +
                                ", need one of " + list);
    }

    bool check_capture() {
        if (config_.nfq_capture) {
            return refuse("ENABLE_NFQ_CAPTURE",
                          "ENABLE_NFQ_CAPTURE is not supported by this fwknopd: remove it, and "
                          "capture by PCAP_INTF or receive by ENABLE_UDP_SERVER");
        }
        if (config_.pcap_filter.size() > max_filter_size) {
            return refuse("PCAP_FILTER", "PCAP_FILTER has " +
                                             std::to_string(config_.pcap_filter.size()) +
                                             " characters, at most 1024 are allowed");
        }
        if (config_.pcap_interfaces.size() > 1 &&
            std::ranges::find(config_.pcap_interfaces, "any") != config_.pcap_interfaces.end()) {
            return refuse("PCAP_INTF", "PCAP_INTF value " + quoted("PCAP_INTF") +
                                           " names any and others: any is all of them already");
        }
        return true;
    }

    // Who says how requests are read meant to read some.
    bool check_http() {
        const auto warn_if = [this](bool idle, std::string_view name) {
            if (!idle) return;
            const auto& from = config_.setting_of(name);
            report_.warn(from.where, from.line,
                         "[*] " + std::string{name} +
                             " has no effect without ENABLE_SPA_OVER_HTTP");
        };
        warn_if(config_.allow_any_user_agent && !config_.spa_over_http, "ALLOW_ANY_USER_AGENT");
        warn_if(config_.x_forwarded_for && !config_.spa_over_http, "ENABLE_X_FORWARDED_FOR");
        return true;
    }

    bool check_log() {
        return one_of("SYSLOG_FACILITY", config_.syslog_facility,
                      {"LOG_DAEMON", "LOG_LOCAL0", "LOG_LOCAL1", "LOG_LOCAL2", "LOG_LOCAL3",
                       "LOG_LOCAL4", "LOG_LOCAL5", "LOG_LOCAL6", "LOG_LOCAL7"});
    }

    bool check_folders() {
        if (!config_.run_dir.starts_with('/')) {
            return refuse("FWKNOP_RUN_DIR", "Path '" + config_.run_dir +
                                                "' is not absolute. FWKNOP_RUN_DIR begins with /");
        }
        return true;
    }

    struct used_chain {
        std::string_view directive;
        const chain_spec& spec;
        bool used;
    };

    // Two kinds of rule in one chain would be taken for one another.
    bool check_chains() {
        const bool nat = config_.ipt_forwarding || config_.ipt_local_nat;
        const bool firewd_nat = config_.firewd_forwarding || config_.firewd_local_nat;
        const used_chain ipt[] = {
            {"IPT_INPUT_ACCESS", config_.ipt_input, true},
            {"IPT_OUTPUT_ACCESS", config_.ipt_output_chain, config_.ipt_output},
            {"IPT_FORWARD_ACCESS", config_.ipt_forward, nat},
            {"IPT_DNAT_ACCESS", config_.ipt_dnat, nat},
            {"IPT_SNAT_ACCESS", config_.ipt_snat_chain, nat},
            {"IPT_MASQUERADE_ACCESS", config_.ipt_masquerade, nat},
        };
        const used_chain firewd[] = {
            {"FIREWD_INPUT_ACCESS", config_.firewd_input, true},
            {"FIREWD_OUTPUT_ACCESS", config_.firewd_output_chain, config_.firewd_output},
            {"FIREWD_FORWARD_ACCESS", config_.firewd_forward, firewd_nat},
            {"FIREWD_DNAT_ACCESS", config_.firewd_dnat, firewd_nat},
            {"FIREWD_SNAT_ACCESS", config_.firewd_snat_chain, firewd_nat},
            {"FIREWD_MASQUERADE_ACCESS", config_.firewd_masquerade, firewd_nat},
        };
        return check_distinct(ipt) && check_distinct(firewd);
    }

    bool check_distinct(std::span<const used_chain> chains) {
        for (const auto& later : chains) {
            for (const auto& earlier : chains) {
                if (&earlier == &later) break;
                if (!earlier.used || !later.used || earlier.spec.table != later.spec.table ||
                    earlier.spec.to_chain != later.spec.to_chain) {
                    continue;
                }
                return refuse(later.directive, std::string{later.directive} + ": its to-chain '" +
                                                   later.spec.to_chain + "' is that of " +
                                                   std::string{earlier.directive} +
                                                   "; name another");
            }
        }
        return true;
    }

    bool check_firewall() {
        if (!one_of("FIREWALL_BACKEND", config_.firewall_backend,
                    {"auto", "nftables", "iptables", "firewalld", "pf", "ipfw", "none"}) ||
            !one_of("NFT_MODE", config_.nft_mode, {"protect", "sets", "chain"})) {
            return false;
        }
        if (!check_chains()) return false;
        if (const auto wrong = check_nft(config_)) {
            // What is missing has no line: then the one that asks for it.
            const bool given = config_.is_explicit(wrong->directive);
            const bool asked = config_.is_explicit("FIREWALL_BACKEND");
            return refuse(given   ? std::string_view{wrong->directive}
                          : asked ? std::string_view{"FIREWALL_BACKEND"}
                                  : std::string_view{"NFT_MODE"},
                          wrong->text);
        }
        if ((config_.ipt_snat || config_.firewd_snat) && !config_.snat_translate_ip.empty()) {
            const auto address = ip_address::parse(config_.snat_translate_ip);
            if (!address || !address->is_v4()) {
                return refuse("SNAT_TRANSLATE_IP", "Invalid IPv4 addr for SNAT_TRANSLATE_IP: " +
                                                       quoted("SNAT_TRANSLATE_IP"));
            }
        }
        if (config_.ipfw_active_set == config_.ipfw_expire_set) {
            return refuse("IPFW_EXPIRE_SET_NUM",
                          "IPFW_EXPIRE_SET_NUM " + quoted("IPFW_EXPIRE_SET_NUM") +
                              " is IPFW_ACTIVE_SET_NUM: expired rules need a set of their own");
        }
        return true;
    }

    server_config& config_;
    diagnostics& report_;
};

} // namespace

bool finish_server_config(server_config& config, diagnostics& report) {
    return finisher{config, report}.run();
}

namespace {

/// Where a value comes from, in words.
std::string describe_origin(const setting& from) {
    switch (from.origin) {
    case value_origin::built_in:
        return "default";
    case value_origin::file:
        return from.where + ":" + std::to_string(from.line);
    case value_origin::option:
        return "option " + from.where;
    case value_origin::dependent:
        break;
    }
    return "from other directives";
}

} // namespace

std::string dump(const server_config& config) {
    std::ostringstream out;
    const auto directives = server_directives();
    for (std::size_t i = 0; i < directives.size(); ++i) {
        const auto& text = config.settings[i].text;
        out << std::setw(3) << std::right << i << ". " << std::setw(28) << std::left
            << directives[i].name << " =  '" << (text.empty() ? "<not set>" : text) << "'";
        if (!text.empty()) out << "  (" << describe_origin(config.settings[i]) << ")";
        out << '\n';
    }
    return out.str();
}

} // namespace fwknop
