// SPDX-License-Identifier: Apache-2.0
#include "daemon/grant_reporter.hpp"

#include "daemon/log.hpp"
#include "firewall/grant_log.hpp"

namespace fwknop::daemon {

void grant_reporter::added(const opened_event& event) {
    log::info(added_rule_line(name_of(event.place.role, event.request.nat), event.place.chain,
                              event.request.source, event.destination(), event.covered_services(),
                              event.expires));
}

void grant_reporter::extended(const opened_event& event) {
    log::info(extended_rule_line(name_of(event.place.role, event.request.nat), event.place.chain,
                                 event.request.source, event.destination(),
                                 event.covered_services(), event.expires));
}

void grant_reporter::removed(const removed_event& event) {
    log::info(removed_rule_line(event.position, event.chain, event.expires));
}

void grant_reporter::open_failed(const open_request& request, const std::string& error) {
    log::error("[" + request.source.to_string() + "] (stanza #" + std::to_string(request.token) +
               ") Could not open the firewall: " + error);
}

void grant_reporter::close_failed(std::size_t rules, const std::string& error,
                                  std::chrono::milliseconds delay) {
    log::error("Could not remove " + std::to_string(rules) + " expired rules, trying again in " +
               std::to_string(delay.count()) + " ms: " + error);
}

void grant_reporter::jump_added(const added_jump& made) {
    log::warning(added_jump_line(made.from, made.to));
}

void grant_reporter::repaired(const std::string& what) {
    log::warning(what);
}

} // namespace fwknop::daemon
