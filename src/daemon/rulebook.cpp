// SPDX-License-Identifier: Apache-2.0
#include "daemon/rulebook.hpp"

#include <utility>

namespace fwknop::daemon {
namespace {

std::optional<http_rules> rules_for_http(const server_config& server) {
    if (!server.spa_over_http) return std::nullopt;
    return http_rules{.any_user_agent = server.allow_any_user_agent,
                      .forwarded_for = server.x_forwarded_for};
}

} // namespace

bool checks_age(const server_config& server) {
    if (!server.packet_aging) return false;
    return server.pcap_file.empty() || server.is_explicit("ENABLE_SPA_PACKET_AGING");
}

rulebook::rulebook(configuration loaded)
    : config_{std::move(loaded)}
    , gate_{config_.stanzas, config_.server, checks_age(config_.server)}
    , http_{rules_for_http(config_.server)} {}

} // namespace fwknop::daemon
