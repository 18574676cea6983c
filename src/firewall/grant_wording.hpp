// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "firewall/keeper_observer.hpp"

#include <string>
#include <vector>

namespace fwknop {

/// A line of the log about rules, and which of the event's services it is about.
struct worded_line {
    std::string text;
    std::vector<service> services;

    friend bool operator==(const worded_line&, const worded_line&) = default;
};

/// How a packet filter's lines about rules read in the log: operators have filters for them, and
/// they differ by filter. This one speaks of chains and positions, as iptables does. Each function
/// is asked right after the operation that the event comes from; no line means that another one
/// has told it already.
class grant_wording {
  public:
    grant_wording() = default;
    grant_wording(const grant_wording&) = delete;
    grant_wording& operator=(const grant_wording&) = delete;
    virtual ~grant_wording() = default;

    [[nodiscard]] virtual std::vector<worded_line> added(const opened_event& event) const;
    [[nodiscard]] virtual std::vector<worded_line> extended(const opened_event& event) const;
    /// The services of these lines are empty: `removed_event::key` has its own.
    [[nodiscard]] virtual std::vector<worded_line> removed(const removed_event& event) const;
};

/// The words of iptables, for whoever has none of its own.
[[nodiscard]] const grant_wording& common_wording();

/// `tcp/22,udp/53`; none: `*/*`.
[[nodiscard]] std::string list_of(const std::vector<service>& services);

} // namespace fwknop
