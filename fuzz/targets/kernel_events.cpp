// SPDX-License-Identifier: Apache-2.0
//
// What the kernel announces of iptables' rules and of network interfaces.
#include "daemon/link_monitor.hpp"
#include "firewall/rule_monitor.hpp"
#include "fuzz.hpp"

#include <vector>

using namespace fwknop;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // Aligned as what a receive call fills, and not a byte longer.
    const std::vector<std::uint8_t> bytes{data, data + size};
    const std::string_view whole = fuzz::text_of(bytes.data(), bytes.size());
    const std::function<void(const rule_event&)> rule = [whole](const rule_event& event) {
        fuzz::promise(!event.table.empty() && fuzz::is_inside(event.table, whole) &&
                          !event.chain.empty() && fuzz::is_inside(event.chain, whole),
                      "a rule is in a chain of a table that the message names");
    };
    read_rule_events(bytes, rule);
    const std::function<void(const daemon::link_event&)> link =
        [](const daemon::link_event& event) {
            fuzz::promise(!event.name.empty(), "an interface has a name");
        };
    daemon::read_link_events(bytes, link);
    return 0;
}
