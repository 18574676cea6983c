// SPDX-License-Identifier: Apache-2.0
#include "firewall/filter_limits.hpp"

#include "firewall/ipfw_planner.hpp"
#include "firewall/pf_planner.hpp"

namespace fwknop {

namespace {

class finder {
  public:
    finder(const server_config& config, const std::vector<stanza>& stanzas)
        : config_{config}, stanzas_{stanzas} {}

    std::vector<filter_limit> of_pf() {
        if (const auto fault = pf_anchor_fault(config_.pf_anchor); !fault.empty())
            add("PF_ANCHOR_NAME", fault);
        if (config_.ipt_snat && config_.snat_translate_ip.empty())
            add("ENABLE_IPT_SNAT",
                "pf cannot masquerade without the name of an interface: give an address with "
                "SNAT_TRANSLATE_IP");
        for (const stanza& entry : stanzas_) {
            const nat_settings& nat = entry.nat;
            if (nat.force_masquerade)
                add("FORCE_MASQUERADE",
                    "pf cannot masquerade without the name of an interface: give an address with "
                    "FORCE_SNAT",
                    entry);
            if (nat.disable_dnat && config_.ipt_forwarding)
                add("DISABLE_DNAT",
                    "pf cannot tell forwarded connections from those to this host: they need a "
                    "host to lead to",
                    entry);
            if (nat.forward_all && nat.force_nat && nat.force_nat->address.is_unspecified())
                add("FORWARD_ALL",
                    "pf cannot tell forwarded connections from those to this host: add FORCE_NAT",
                    entry);
        }
        return std::move(found_);
    }

    std::vector<filter_limit> of_ipfw() {
        const std::string no_nat = "there is no NAT with ipfw here: leave it to natd(8) or to "
                                   "rules of your own, or use pf";
        if (config_.ipt_forwarding) add("ENABLE_IPT_FORWARDING", no_nat);
        if (config_.ipt_local_nat) add("ENABLE_IPT_LOCAL_NAT", no_nat);
        check_set("IPFW_ACTIVE_SET_NUM", config_.ipfw_active_set);
        check_set("IPFW_EXPIRE_SET_NUM", config_.ipfw_expire_set);
        const std::uint32_t first = config_.ipfw_start_rule;
        const std::uint32_t needed = config_.ipfw_add_check_state ? 2 : 1;
        if (first == 0 || first + needed - 1 > last_ipfw_number)
            add("IPFW_START_RULE_NUM", std::to_string(first) +
                                           " leaves no number for a rule: they run from 1 to " +
                                           std::to_string(last_ipfw_number));
        else if (config_.ipfw_max_rules < needed)
            add("IPFW_MAX_RULES", std::to_string(config_.ipfw_max_rules) +
                                      " is used up by the rule of IPFW_ADD_CHECK_STATE: raise it");
        return std::move(found_);
    }

  private:
    void add(std::string_view directive, std::string text) {
        found_.push_back({directive, nullptr, std::move(text)});
    }
    void add(std::string_view directive, std::string text, const stanza& entry) {
        found_.push_back({directive, &entry, std::move(text)});
    }
    void check_set(std::string_view directive, std::uint32_t set) {
        if (set == 0)
            add(directive, "set 0 holds everybody's rules: take one from 1 to 30");
        else if (set == 31)
            add(directive, "set 31 holds the kernel's own rule and cannot be switched off: take "
                           "one from 1 to 30");
    }

    const server_config& config_;
    const std::vector<stanza>& stanzas_;
    std::vector<filter_limit> found_;
};

} // namespace

std::vector<filter_limit> filter_limits(backend_kind kind, const server_config& config,
                                        const std::vector<stanza>& stanzas) {
    if (kind == backend_kind::pf) return finder{config, stanzas}.of_pf();
    if (kind == backend_kind::ipfw) return finder{config, stanzas}.of_ipfw();
    return {};
}

} // namespace fwknop
