// SPDX-License-Identifier: Apache-2.0
#include "core/policy/gatekeeper.hpp"

#include <algorithm>
#include <utility>

namespace fwknop {

namespace {

result<opened_packet> open_for(const candidate& packet, const stanza& entry) {
    if (!entry.encryption) return errc::encryption_mode_unsupported;
    return open_packet(packet, *entry.encryption, entry.hmac ? &*entry.hmac : nullptr);
}

} // namespace

const attempt* verdict::granted() const noexcept {
    return attempts.empty() || !attempts.back().granted() ? nullptr : &attempts.back();
}

const access_decision* verdict::grant() const noexcept {
    return attempts.empty() ? nullptr : std::get_if<access_decision>(&attempts.back().outcome);
}

gatekeeper::gatekeeper(const std::vector<stanza>& stanzas, const server_config& server,
                       bool check_age)
    : stanzas_{stanzas}, server_{server}, check_age_{check_age} {}

bool gatekeeper::expects(const ip_address& source) const noexcept {
    return std::any_of(stanzas_.begin(), stanzas_.end(),
                       [&source](const stanza& entry) { return entry.source.contains(source); });
}

verdict gatekeeper::judge(const candidate& packet, const ip_address& source,
                          const ip_address& destination, std::uint16_t destination_port,
                          unix_time now, const std::optional<ip_address>& forwarded_for) const {
    verdict out;
    std::size_t failures = 0;
    const auto record = [&out](const stanza& entry) -> auto& {
        return out.attempts.emplace_back(attempt{&entry, {}}).outcome;
    };
    for (const stanza& entry : stanzas_) {
        if (!entry.matches(source, destination)) continue;
        if (entry.has_expired(now)) {
            if (failures++ < max_recorded_failures) {
                record(entry) = refused{.reason = refusal::stanza_expired};
            }
            continue;
        }
        auto opened = open_for(packet, entry);
        if (!opened) {
            if (failures++ < max_recorded_failures) {
                record(entry) = errc_of(opened.error());
            }
            continue;
        }
        out.packet = *std::move(opened);
        out.opened_by = &entry;
        auto decided = decide(out.packet->message, entry, server_, source, destination,
                              destination_port, now, check_age_, forwarded_for);
        const auto* const no = std::get_if<refused>(&decided);
        const bool done = no == nullptr || no->final;
        std::visit([&](auto& each) { record(entry) = std::move(each); }, decided);
        if (done) break;
    }
    return out;
}

} // namespace fwknop
