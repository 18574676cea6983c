// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"

#include <fwknop/ip_address.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

struct mnl_socket;

namespace fwknop {

/// A rule that somebody added to the kernel's nf_tables, as iptables' nft variant does.
struct rule_event {
    ip_family family = ip_family::v4;
    std::string_view table; ///< e.g. "filter"; valid during the call
    std::string_view chain;
    std::optional<unix_time> expires; ///< it says `_exp_<t>` somewhere, most likely in its comment
    /// Who did it: the address of a netlink socket, which is the process id where a process has
    /// just one such socket, as iptables has.
    std::uint32_t sender = 0;
};

/// Hands every new rule of IPv4 and IPv6 in the kernel's messages to `handle`. Anything else in
/// there is passed over; a message cut short ends the reading. Source: linux/netfilter/nf_tables.h.
void read_rule_events(std::span<const std::uint8_t> messages,
                      const std::function<void(const rule_event&)>& handle);

/// Learns from the kernel of rules that are added with nf_tables in this network namespace.
class rule_monitor {
  public:
    /// Throws std::runtime_error, with the system's reason, when the kernel's messages cannot be
    /// had.
    rule_monitor();

    /// Readable when there are events; owned by this object.
    [[nodiscard]] int descriptor() const noexcept;

    /// Hands over what is waiting. Never blocks. False when events were lost, because too many came
    /// at once: then the rules have to be looked at.
    [[nodiscard]] bool receive(const std::function<void(const rule_event&)>& handle);

  private:
    struct closer {
        void operator()(mnl_socket* socket) const noexcept;
    };
    std::unique_ptr<mnl_socket, closer> socket_;
};

} // namespace fwknop
