// SPDX-License-Identifier: Apache-2.0
//
// What pfctl and ipfw list, where anybody's rules stand beside ours.
#include "firewall/ipfw_planner.hpp"
#include "firewall/ipfw_rule.hpp"
#include "firewall/pf_planner.hpp"
#include "firewall/pf_rule.hpp"
#include "fuzz.hpp"

using namespace fwknop;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    const port_finder find = [](const std::string& name, protocol) -> std::optional<std::uint16_t> {
        if (name == "ssh") return std::uint16_t{22};
        return std::nullopt;
    };
    if (const auto rule = parse_pf_rule(text, find)) {
        const std::string written = to_text(*rule);
        fuzz::promise(written.find('\n') == written.npos, "a rule is a line");
        fuzz::promise(parse_pf_rule(written, find) == rule, "what we write of pf, we read");
    }
    for (const adopted_grant& each : adopt_pf_anchor(text, text, find).grants)
        fuzz::promise(!pf_rules_of(each.key, each.expires).empty(), "a grant of pf has rules");

    const auto listing = parse_ipfw_listing(text);
    for (const listed_ipfw_rule& each : listing.rules) {
        if (!each.ours) continue;
        fuzz::promise(to_text(*each.ours).find('\n') == std::string::npos, "a rule is a line");
        fuzz::promise(ipfw_rule_of(key_of(*each.ours), each.ours->expires) == *each.ours,
                      "a rule of ipfw is a grant");
    }
    for (const bool flush : {false, true})
        for (const std::string& line : plan_ipfw_start({}, listing, flush).script)
            fuzz::promise(line.find('\n') == line.npos, "a line for ipfw is one");
    return 0;
}
