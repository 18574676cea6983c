// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "firewall/change.hpp"
#include "firewall/grant.hpp"
#include "firewall/grant_route.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/message.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fwknop {

/// What one accepted packet asks the packet filter for.
struct open_request {
    network source; ///< an address, or those around it
    std::optional<ip_address> destination;
    std::vector<service> services;   ///< in the order asked; with NAT the first counts
    std::chrono::seconds timeout{0}; ///< above zero
    std::uint64_t token = 0;         ///< the caller's own, comes back in every event about it
    std::string name{};              ///< the same: whose rules these are, for the log
    std::string user{};              ///< the same: who asked
    std::optional<nat_route> nat{};  ///< none: access to this host itself
};

/// Rules that took effect for one request, at one place.
struct opened_event {
    rule_place place;
    const open_request& request;
    std::vector<service> services; ///< those of the request that this event is about
    unix_time expires{};

    /// What the log says of the request. No services: all of them. That a DNAT rule for all ports
    /// is for one destination is left out, as ever.
    [[nodiscard]] std::optional<ip_address> destination() const {
        return has_destination(place.role) && !covers_all_ports(place.role, request.nat)
                   ? request.destination
                   : std::nullopt;
    }
    [[nodiscard]] std::vector<service> covered_services() const {
        return covers_all_ports(place.role, request.nat) ? std::vector<service>{} : services;
    }
};

struct removed_event {
    std::string chain;
    std::size_t position = 0; ///< 1-based, before this sweep
    unix_time expires{};
    std::optional<grant_key> key; ///< none: a rule of somebody else, removed in time
    rule_role role = rule_role::input;
};

/// Told by the keeper what became of requests and rules. Calls come from the keeper's executor,
/// must not throw, and may call `grant_keeper::open` but nothing else of it.
class keeper_observer {
  public:
    keeper_observer() = default;
    keeper_observer(const keeper_observer&) = delete;
    keeper_observer& operator=(const keeper_observer&) = delete;
    virtual ~keeper_observer() = default;

    virtual void added(const opened_event& event) = 0;

    /// A repeated knock: the rule has a later expiry now.
    virtual void extended(const opened_event& event) = 0;

    virtual void removed(const removed_event& event) = 0;

    /// Nothing of `request` is open but what was open before. The next knock tries again.
    virtual void open_failed(const open_request& request, const std::string& error) = 0;

    /// `rules` grants that are over could not be closed; the next try is after `delay`.
    virtual void close_failed(std::size_t rules, const std::string& error,
                              std::chrono::milliseconds delay) = 0;

    /// What others changed could not be looked at; the next try is after `delay`.
    virtual void inspect_failed(const std::string& error, std::chrono::milliseconds delay) = 0;

    /// Late work of the backend's own: a line for the log about what was done.
    virtual void late_work_done(const std::string& line) { static_cast<void>(line); }
    virtual void late_work_failed(const std::string& error) { static_cast<void>(error); }

    /// Somebody had removed the jump; it is there again.
    virtual void jump_added(const added_jump& made) = 0;

    /// Somebody had removed something else of ours; a sentence without a final stop.
    virtual void repaired(const std::string& what) = 0;
};

} // namespace fwknop
