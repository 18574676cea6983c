// SPDX-License-Identifier: Apache-2.0
//
// Everything in here is under attack: any host can send anything, as fast as the link allows. So
// the order is by cost: form, source, replay, HMAC; when time is short no source gets more than its
// share of it; nothing of a packet is kept before its HMAC is right; every way out is counted by
// its reason, and the log is asked for a line under a budget.

#include "daemon/pipeline.hpp"

#include <limits>
#include <utility>

namespace fwknop::daemon {

namespace {

/// Longer than the TCP sink keeps a connection; and what is remembered is cut to the second.
constexpr std::chrono::seconds connection_life{3};

// The data of one TCP connection reach us more than once: by capture and by the sink, or because
// the sender's kernel did not see our acknowledgement in time. Nobody attacks.
bool is_same_connection(const datagram& packet, const packet_origin& original, moment now) {
    const auto since = now.wall - original.seen;
    return since < connection_life && since > -connection_life && // clocks are set back, too
           packet.protocol == ip_protocol_tcp && original.protocol == ip_protocol_tcp &&
           packet.source == original.source && packet.source_port == original.source_port &&
           packet.destination == original.destination &&
           packet.destination_port == original.destination_port;
}

packet_origin origin_of(const datagram& packet, moment now) {
    return {packet.protocol,    packet.source,           packet.source_port,
            packet.destination, packet.destination_port, now.wall};
}

} // namespace

pipeline::pipeline(std::shared_ptr<const rulebook> rules, replay_store& replays, decision_log& log,
                   opener open, bool test_mode, gpg_desk::asker ask,
                   std::function<void()> commit_soon, const source_budget::limits& budget)
    : replays_{replays}
    , log_{log}
    , open_{std::move(open)}
    , test_mode_{test_mode}
    , budget_{budget}
    , desk_{std::move(ask), *this}
    , commit_soon_{std::move(commit_soon)} {
    use(std::move(rules));
}

void pipeline::use(std::shared_ptr<const rulebook> rules) {
    rules_ = std::move(rules);
    uses_gpg_ = rules_->gate().uses_gpg();
    http_.reset();
    if (rules_->http()) http_.emplace(*rules_->http());
}

std::size_t pipeline::room() const noexcept {
    return uses_gpg_ ? desk_.room() : std::numeric_limits<std::size_t>::max();
}

void pipeline::receive_frame(link_type link, std::span<const std::uint8_t> captured,
                             std::size_t wire_length, moment now) {
    receive(parse_frame(link, captured, wire_length), now);
}

void pipeline::receive(const result<datagram>& packet, moment now) {
    ++counters_.received;
    if (!packet) {
        count(packet.error());
        return;
    }
    unwrap(*packet, now);
}

void pipeline::count(const boost::system::error_code& error) noexcept {
    ++counters_.by_error[static_cast<std::size_t>(errc_of(error)) % errc_count];
}

void pipeline::unwrap(const datagram& packet, moment now) {
    if (!http_ || !begins_http_request(packet.payload)) {
        consider(packet, std::nullopt, now);
        return;
    }
    const auto request = http_->read(packet.payload);
    if (!request) {
        count(request.error());
        return;
    }
    datagram carried = packet;
    carried.payload = request->payload;
    consider(carried, request->forwarded_for, now);
}

void pipeline::consider(const datagram& packet, const std::optional<ip_address>& forwarded_for,
                        moment now) {
    const auto examined = examine_payload(packet.payload);
    if (!examined) {
        count(examined.error());
        return;
    }
    if (!examined->may_be_symmetric() && !(uses_gpg_ && may_be_gpg(packet.payload))) {
        count(make_error_code(errc::decryption_failed)); // no key can have made it
        return;
    }
    if (!rules_->gate().expects(packet.source)) {
        ++counters_.unexpected;
        log_.unexpected(packet, now);
        return;
    }
    const auto id = identify_payload(packet.payload);
    if (!id) {
        count(id.error());
        return;
    }
    if (const auto* const original = replays_.find(*id)) {
        note_seen(packet, *original, now);
        return;
    }
    // A copy of what waits for GnuPG, from the same place, is one that comes a second time.
    if (const auto* const other = desk_.find_same(packet, *id, forwarded_for)) {
        note_seen(packet, origin_of(other->packet, other->arrived), now);
        return;
    }
    const auto began = source_budget::clock::now();
    if (!budget_.admits(packet.source, began)) {
        ++counters_.withheld;
        log_.withheld(packet, now);
        return;
    }
    auto way = rules_->gate().begin(*examined, {.source = packet.source,
                                                .destination = packet.destination,
                                                .destination_port = packet.destination_port,
                                                .now = now.wall,
                                                .forwarded_for = forwarded_for});
    if (way.needs_gpg() != nullptr) {
        wait_for_gpg(packet, *id, forwarded_for, now);
        return;
    }
    auto judged = way.take();
    if (!judged.authenticated()) {
        const auto ended = source_budget::clock::now();
        budget_.charge(packet.source, ended - began, ended);
    }
    conclude(packet, *id, std::move(judged), now);
}

void pipeline::note_seen(const datagram& packet, const packet_origin& original, moment now) {
    if (is_same_connection(packet, original, now)) {
        ++counters_.seen_again;
        return;
    }
    ++counters_.replayed;
    log_.replayed(packet, original, now);
}

// Judged so far only to know that GnuPG is needed: the desk begins anew when its turn has come.
void pipeline::wait_for_gpg(const datagram& packet, const packet_id& id,
                            const std::optional<ip_address>& forwarded_for, moment now) {
    if (desk_.take(packet, id, forwarded_for, now)) {
        ++counters_.for_gpg;
    } else {
        count(make_error_code(errc::gpg_overloaded));
        log_.gpg_overloaded(packet, now);
    }
}

bool pipeline::is_new(const waiting_packet& one) {
    const auto* const original = replays_.find(one.id);
    if (original != nullptr) note_seen(one.packet, *original, one.arrived);
    return original == nullptr;
}

void pipeline::decided(const waiting_packet& one, verdict judged) {
    conclude(one.packet, one.id, std::move(judged), one.arrived);
}

void pipeline::gpg_trouble(const waiting_packet& one, const stanza& entry, const std::string& why) {
    log_.gpg_trouble(one.packet, entry, why, one.arrived);
}

void pipeline::conclude(const datagram& packet, const packet_id& id, verdict judged, moment now) {
    if (judged.attempts.empty()) { // some stanza has the source, but none the destination as well
        ++counters_.unexpected;
        log_.unexpected(packet, now);
        return;
    }
    count_attempts(judged);
    if (!judged.authenticated()) {
        log_.judged(packet, judged, test_mode_, now);
        return;
    }
    const auto remembered = replays_.remember(id, origin_of(packet, now));
    if (!remembered) {
        ++counters_.not_recorded;
        log_.not_recorded(packet, judged, remembered.error().message());
        return;
    }
    datagram kept = packet;
    kept.payload = {};
    accepted_.push_back({rules_, kept, std::move(judged), now});
    if (!commit_soon_) {
        commit();
    } else if (accepted_.size() == 1) {
        commit_soon_();
    }
}

void pipeline::commit() {
    const auto batch = std::exchange(accepted_, {});
    // Before anything is opened: what is not on record could be sent again.
    const auto recorded = replays_.commit();
    for (const accepted& each : batch) {
        if (recorded) {
            conclude_accepted(each);
        } else {
            ++counters_.not_recorded;
            log_.not_recorded(each.packet, each.judged, recorded.error().message());
        }
    }
}

void pipeline::conclude_accepted(const accepted& one) {
    log_.judged(one.packet, one.judged, test_mode_, one.arrived);
    if (const attempt* const granted = one.judged.granted()) {
        ++counters_.granted;
        if (!test_mode_) open_(*granted, one.packet);
    }
}

void pipeline::count_attempts(const verdict& judged) noexcept {
    if (judged.granted() != nullptr) return;
    for (const auto& each : judged.attempts) {
        if (const auto* const error = std::get_if<errc>(&each.outcome)) {
            ++counters_.by_error[static_cast<std::size_t>(*error) % errc_count];
        } else if (const auto* const why = std::get_if<refused>(&each.outcome)) {
            ++counters_.by_refusal[static_cast<std::size_t>(why->reason)];
        }
    }
}

} // namespace fwknop::daemon
