// SPDX-License-Identifier: Apache-2.0
#include "firewall/grant_log.hpp"

namespace fwknop {

namespace {

std::string rule_line(std::string_view verb, std::string_view kind, std::string_view preposition,
                      std::string_view chain, const network& source,
                      const std::optional<ip_address>& destination,
                      std::span<const service> services, unix_time expires) {
    std::string line{verb};
    line.append(" ").append(kind).append(" rule ").append(preposition).append(" ").append(chain);
    line.append(" for ").append(source.to_string()).append(" -> ");
    line.append(destination ? destination->to_string() : source.is_v4() ? "0.0.0.0/0" : "::/0");
    if (services.empty()) line.append(" */*");
    char separator = ' ';
    for (const service& door : services) {
        line.append(1, separator).append(to_string(door));
        separator = ',';
    }
    line.append(", expires at ").append(std::to_string(to_seconds(expires)));
    return line;
}

} // namespace

std::string added_rule_line(std::string_view kind, std::string_view chain, const network& source,
                            const std::optional<ip_address>& destination,
                            std::span<const service> services, unix_time expires) {
    return rule_line("Added", kind, "to", chain, source, destination, services, expires);
}

std::string extended_rule_line(std::string_view kind, std::string_view chain, const network& source,
                               const std::optional<ip_address>& destination,
                               std::span<const service> services, unix_time expires) {
    return rule_line("Extended", kind, "in", chain, source, destination, services, expires);
}

std::string removed_rule_line(std::size_t position, std::string_view chain, unix_time expires) {
    std::string line = "Removed rule ";
    line.append(std::to_string(position)).append(" from ").append(chain);
    line.append(" with expire time of ").append(std::to_string(to_seconds(expires)));
    return line;
}

std::string added_jump_line(std::string_view from, std::string_view to) {
    std::string line = "Added jump rule from chain: ";
    line.append(from).append(" to chain: ").append(to);
    return line;
}

} // namespace fwknop
