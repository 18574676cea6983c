// SPDX-License-Identifier: Apache-2.0
//
// The attack this file answers: packets for GnuPG as fast as the link allows. Each costs processes
// and tens of milliseconds, so their number is bounded twice; they only wait for one another, never
// a symmetric packet for them.

#include "daemon/gpg_desk.hpp"

#include <algorithm>
#include <utility>

namespace fwknop::daemon {
namespace {

/// The message is to blame, not our side.
bool is_about_the_message(gpg::failure_kind kind) noexcept {
    return kind == gpg::failure_kind::message || kind == gpg::failure_kind::secret_key;
}

} // namespace

gpg_desk::gpg_desk(asker ask, gpg_customer& customer)
    : ask_{std::move(ask)}, customer_{customer}, open_{std::make_shared<bool>(true)} {}

const waiting_packet* gpg_desk::find_same(const datagram& packet, const packet_id& id,
                                          const std::optional<ip_address>& forwarded_for) const {
    const auto same = std::find_if(jobs_.begin(), jobs_.end(), [&](const place& each) {
        return each->id == id && each->packet.source == packet.source &&
               each->packet.destination == packet.destination &&
               each->packet.destination_port == packet.destination_port &&
               each->forwarded_for == forwarded_for;
    });
    return same == jobs_.end() ? nullptr : same->get();
}

bool gpg_desk::take(const datagram& packet, const packet_id& id,
                    const std::optional<ip_address>& forwarded_for, moment now) {
    const auto copies = std::count_if(jobs_.begin(), jobs_.end(),
                                      [&id](const place& each) { return each->id == id; });
    if (room() == 0 || static_cast<std::size_t>(copies) >= max_copies) return false;
    jobs_.push_back(std::make_shared<job>(packet, id, forwarded_for, now));
    start_next();
    return true;
}

void gpg_desk::close() {
    open_.reset();
    jobs_.clear();
    working_ = 0;
}

// The first in line of which no copy is at work.
gpg_desk::place gpg_desk::find_startable() const {
    const auto is_startable = [this](const place& one) {
        return std::none_of(jobs_.begin(), jobs_.end(), [&one](const place& other) {
            return other->way && other->id == one->id;
        });
    };
    const auto found = std::find_if(jobs_.begin(), jobs_.end(), is_startable);
    return found == jobs_.end() ? nullptr : *found;
}

void gpg_desk::start_next() {
    while (open_ && working_ < max_working) {
        const place next = find_startable();
        if (!next) return;
        start(next);
    }
}

void gpg_desk::start(const place& one) {
    if (!customer_.is_new(*one)) {
        jobs_.remove(one);
        return;
    }
    const auto examined = examine_payload(one->payload);
    if (!examined) { // cannot be: it was before
        jobs_.remove(one);
        return;
    }
    one->rules = customer_.rules();
    one->way.emplace(
        one->rules->gate().begin(*examined, {.source = one->packet.source,
                                             .destination = one->packet.destination,
                                             .destination_port = one->packet.destination_port,
                                             .now = one->arrived.wall,
                                             .forwarded_for = one->forwarded_for}));
    ++working_;
    advance(one);
}

void gpg_desk::advance(const place& one) {
    const auto* const envelope = one->way->needs_gpg();
    if (envelope == nullptr) {
        verdict judged = one->way->take();
        leave(one);
        if (customer_.is_new(*one)) customer_.decided(*one, std::move(judged));
        return;
    }
    ask_(one->way->current().gpg, *envelope, [this, open = std::weak_ptr{open_}, one](answer what) {
        if (open.expired()) return;
        answered(one, std::move(what));
        start_next();
    });
}

void gpg_desk::answered(const place& one, answer what) {
    if (one->rules != customer_.rules()) {
        one->way.reset();
        --working_;
        return; // it has its turn again, first in line
    }
    if (what) {
        one->way->opened(std::move(what->plain), std::move(what->signatures));
    } else if (is_about_the_message(what.error().kind)) {
        one->way->not_opened(errc::decryption_failed);
    } else {
        customer_.gpg_trouble(*one, one->way->current(), what.error().text);
        one->way->not_opened(errc::gpg_failed);
    }
    advance(one);
}

void gpg_desk::leave(const place& one) {
    --working_;
    jobs_.remove(one);
}

} // namespace fwknop::daemon
