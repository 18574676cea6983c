// SPDX-License-Identifier: Apache-2.0
#include "firewall/grant_wording.hpp"

#include "firewall/grant_log.hpp"

namespace fwknop {

std::vector<worded_line> grant_wording::added(const opened_event& event) const {
    const auto services = event.covered_services();
    return {{added_rule_line(name_of(event.place.role, event.request.nat), event.place.chain,
                             event.request.source, event.destination(), services, event.expires),
             services}};
}

std::vector<worded_line> grant_wording::extended(const opened_event& event) const {
    const auto services = event.covered_services();
    return {{extended_rule_line(name_of(event.place.role, event.request.nat), event.place.chain,
                                event.request.source, event.destination(), services, event.expires),
             services}};
}

std::vector<worded_line> grant_wording::removed(const removed_event& event) const {
    return {{removed_rule_line(event.position, event.chain, event.expires), {}}};
}

const grant_wording& common_wording() {
    static const grant_wording wording;
    return wording;
}

std::string list_of(const std::vector<service>& services) {
    if (services.empty()) return "*/*";
    std::string text;
    for (const service& door : services) {
        if (!text.empty()) text += ",";
        text += to_string(door);
    }
    return text;
}

} // namespace fwknop
