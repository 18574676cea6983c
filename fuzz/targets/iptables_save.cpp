// SPDX-License-Identifier: Apache-2.0
//
// What iptables-save prints, or firewalld of `iptables -S`, where anybody's rules stand beside
// ours.
#include "firewall/iptables_save.hpp"

#include "firewall/firewalld_script.hpp"
#include "firewall/iptables_planner.hpp"
#include "fuzz.hpp"

using namespace fwknop;

namespace {

iptables_layout make_layout() {
    iptables_layout made;
    made.input = chain_spec{"ACCEPT", "filter", "INPUT", 1, "FWKNOP_INPUT", 1};
    made.forward = chain_spec{"ACCEPT", "filter", "FORWARD", 1, "FWKNOP_FORWARD", 1};
    made.dnat = chain_spec{"DNAT", "nat", "PREROUTING", 1, "FWKNOP_PREROUTING", 1};
    made.snat = chain_spec{"SNAT", "nat", "POSTROUTING", 1, "FWKNOP_POSTROUTING", 1};
    made.masquerade = chain_spec{"MASQUERADE", "nat", "POSTROUTING", 1, "FWKNOP_MASQUERADE", 1};
    return made;
}

// A script is a line for each thing to do: no word of a listing may begin another.
void check_script(std::string_view script) {
    fuzz::promise(script.empty() || (script.starts_with('*') && script.ends_with("COMMIT\n")),
                  "a script is for a table, and whole");
    std::size_t tables = 0;
    for (std::size_t at = 0; at < script.size(); at = script.find('\n', at) + 1)
        if (script[at] == '*') ++tables;
    fuzz::promise(tables <= 1, "a script is for one table");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const iptables_layout layout = make_layout();
    static const moment now{.steady = {}, .wall = from_seconds(1000)};
    static const grant_table nothing;
    const std::string_view text = fuzz::text_of(data, size);
    static_cast<void>(as_saved(text, "filter"));
    static_cast<void>(firewalld_calls(text));
    for (const ip_family family : {ip_family::v4, ip_family::v6}) {
        std::vector<found_rule> found;
        for (const std::string table : {"filter", "nat"}) {
            const auto saved = iptables_table::parse(text, table);
            for (const auto& chain : layout.chains())
                for (const std::string& rule : saved.rules(chain.spec->to_chain)) {
                    const auto ours = parse_iptables_rule(rule, family);
                    fuzz::promise(!ours || iptables_rule_expiry(rule) == ours->expires,
                                  "a rule of ours says when it ends");
                    // Written anew it is the same, but for words that iptables adds.
                    fuzz::promise(!ours || !to_text(*ours).empty(), "a rule can be written");
                }
            auto plan = plan_start(layout, family, table, saved, false, now);
            check_script(plan.script);
            std::move(plan.found.begin(), plan.found.end(), std::back_inserter(found));
            check_script(plan_start(layout, family, table, saved, true, now).script);
            check_script(plan_stop(layout, table, saved));
            static_cast<void>(find_tagged(layout, family, table, saved, nothing));
        }
        for (const adopted_grant& each : adopt_rules(found).grants)
            fuzz::promise(each.key.source.family() == family, "a grant is of its rules' family");
    }
    return 0;
}
