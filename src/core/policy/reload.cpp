// SPDX-License-Identifier: Apache-2.0
#include "core/policy/reload.hpp"

#include "core/policy/server_directives.hpp"

#include <algorithm>
#include <array>

namespace fwknop {
namespace {

constexpr std::array<std::string_view, 24> at_once{
    "ACCESS_FILE",
    "ACCESS_FOLDER",
    "ALLOW_ANY_USER_AGENT",
    "CMD_EXEC_TIMEOUT",
    "CONFIG_FILE",
    "DIGEST_DB_FILE",
    "ENABLE_DESTINATION_RULE",
    "ENABLE_NAT_DNS",
    "ENABLE_SPA_OVER_HTTP",
    "ENABLE_SPA_PACKET_AGING",
    "ENABLE_X_FORWARDED_FOR",
    "EXIT_AT_INTF_DOWN",
    "FAULT_INJECTION_TAG",
    "FWKNOP_CONF_DIR",
    "GPG_EXE",
    "GPG_HOME_DIR",
    "MAX_SPA_PACKET_AGE",
    "OVERRIDE_CONFIG",
    "PCAP_DISPATCH_COUNT",
    "PCAP_LOOP_SLEEP",
    "PF_EXPIRE_INTERVAL",
    "SUDO_EXE",
    "UDPSERV_SELECT_TIMEOUT",
    "VERBOSE",
};

constexpr std::array<std::string_view, 6> with_capture{
    "ENABLE_PCAP_ANY_DIRECTION",
    "ENABLE_PCAP_PROMISC",
    "MAX_SNIFF_BYTES",
    "PCAP_FILTER",
    "PCAP_INTF",
    "PCAP_RING_SIZE",
};

} // namespace

takes_effect when_changed(std::string_view directive) noexcept {
    if (std::ranges::binary_search(at_once, directive)) return takes_effect::at_once;
    if (std::ranges::binary_search(with_capture, directive)) return takes_effect::with_capture;
    return takes_effect::on_restart;
}

config_changes compare(const server_config& running, const server_config& fresh) {
    config_changes changes;
    const auto directives = server_directives();
    for (std::size_t i = 0; i < directives.size(); ++i) {
        if (running.settings[i].text == fresh.settings[i].text) continue;
        switch (when_changed(directives[i].name)) {
        case takes_effect::at_once:
            break;
        case takes_effect::with_capture:
            changes.capture = true;
            break;
        case takes_effect::on_restart:
            changes.on_restart.emplace_back(directives[i].name);
            break;
        }
    }
    return changes;
}

} // namespace fwknop
