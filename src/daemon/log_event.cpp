// SPDX-License-Identifier: Apache-2.0
#include "daemon/log_event.hpp"

#include <array>

namespace fwknop::daemon::log {

std::string_view name_of(event_kind kind) noexcept {
    constexpr std::array<std::string_view, 6> names{"grant",  "expire",  "refuse",
                                                    "replay", "command", "error"};
    return names[static_cast<std::size_t>(kind)];
}

std::vector<field> fields_of(const event& what) {
    std::vector<field> fields{{"SPA_EVENT", std::string{name_of(what.kind)}}};
    const auto add = [&fields](std::string_view name, const std::string& value) {
        if (!value.empty()) fields.push_back({name, value});
    };
    add("SPA_SOURCE", what.source);
    add("SPA_STANZA", what.stanza == 0 ? "" : std::to_string(what.stanza));
    add("SPA_NAME", what.name);
    add("SPA_USER", what.user);
    add("SPA_ACCESS", what.access);
    add("SPA_REASON", what.reason);
    return fields;
}

std::string access_of(std::span<const service> services) {
    std::string text;
    for (const service& door : services) {
        if (!text.empty()) text += ',';
        text += to_string(door);
    }
    return text;
}

} // namespace fwknop::daemon::log
