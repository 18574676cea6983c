// SPDX-License-Identifier: Apache-2.0
#include "daemon/grant_reporter.hpp"

#include "daemon/log.hpp"
#include "firewall/grant_log.hpp"

namespace fwknop::daemon {

namespace {

log::event event_of(log::event_kind kind, const open_request& request,
                    std::span<const service> services) {
    return {.kind = kind,
            .source = request.source.to_string(),
            .stanza = static_cast<std::size_t>(request.token),
            .name = request.name,
            .user = request.user,
            .access = log::access_of(services),
            .reason = {}};
}

} // namespace

grant_reporter::grant_reporter(std::function<void()> changed)
    : changed_{std::move(changed)}, wording_{&common_wording()} {}

void grant_reporter::added(const opened_event& event) {
    for (const auto& [text, services] : wording_->added(event))
        log::info(text, event_of(log::event_kind::grant, event.request, services));
    if (changed_) changed_();
}

void grant_reporter::extended(const opened_event& event) {
    for (const auto& [text, services] : wording_->extended(event))
        log::info(text, event_of(log::event_kind::grant, event.request, services));
}

void grant_reporter::removed(const removed_event& event) {
    log::event what{.kind = log::event_kind::expire};
    if (event.key) {
        what.source = event.key->source.to_string();
        what.access = to_string(event.key->door);
    }
    for (const auto& line : wording_->removed(event)) log::info(line.text, what);
    if (changed_) changed_();
}

void grant_reporter::open_failed(const open_request& request, const std::string& error) {
    log::event what = event_of(log::event_kind::error, request, request.services);
    what.reason = error;
    log::error("[" + request.source.to_string() + "] (stanza #" + std::to_string(request.token) +
                   ") Could not open the firewall: " + error,
               what);
}

void grant_reporter::close_failed(std::size_t rules, const std::string& error,
                                  std::chrono::milliseconds delay) {
    log::error("Could not remove " + std::to_string(rules) + " expired rules, trying again in " +
                   std::to_string(delay.count()) + " ms: " + error,
               {.kind = log::event_kind::error, .reason = error});
}

void grant_reporter::inspect_failed(const std::string& error, std::chrono::milliseconds delay) {
    log::error("Could not look at what others changed in the packet filter, trying again in " +
                   std::to_string(delay.count()) + " ms: " + error,
               {.kind = log::event_kind::error, .reason = error});
}

void grant_reporter::late_work_done(const std::string& line) {
    log::info(line);
}

void grant_reporter::late_work_failed(const std::string& error) {
    log::error("Could not clear away expired rules, trying again later: " + error,
               {.kind = log::event_kind::error, .reason = error});
}

void grant_reporter::jump_added(const added_jump& made) {
    log::warning(added_jump_line(made.from, made.to));
}

void grant_reporter::repaired(const std::string& what) {
    log::warning(what);
}

} // namespace fwknop::daemon
