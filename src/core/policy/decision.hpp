// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/policy/nat_route.hpp"
#include "core/policy/network.hpp"
#include "core/policy/server_config.hpp"
#include "core/policy/stanza.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/message.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace fwknop {

/// Why an authenticated packet opens nothing. Also the order of the counters.
enum class refusal : std::uint8_t {
    stanza_expired,          ///< ACCESS_EXPIRE has passed
    stale,                   ///< its time differs too much from ours, in either direction
    message_malformed,       ///< the message has not its type's form
    allow_address_invalid,   ///< the address to open for is none
    source_address_required, ///< it asks for its own source where a real address must be named
    user_mismatch,           ///< not the user of REQUIRE_USERNAME
    nat_not_allowed,         ///< NAT is off
    nat_host_name_disabled,  ///< its NAT target is a name, and ENABLE_NAT_DNS is off
    nat_target_unusable,     ///< no connection of this source can go to the NAT target
    command_not_allowed,     ///< commands are off
    port_denied,             ///< not all ports are in OPEN_PORTS and out of RESTRICT_PORTS
    signature_missing,       ///< nobody signed the GPG message
    signature_bad,           ///< no signature is good, or its key has expired or was revoked
    signature_untrusted,     ///< good, but our keyring does not trust its key
    wrong_signer,            ///< good, but of nobody in GPG_REMOTE_ID and GPG_FINGERPRINT_ID
    end_,                    ///< one past the last
};

/// What to open, for whom, how long.
struct access_decision {
    network source;                        ///< the address to open for, or those around it
    std::optional<ip_address> destination; ///< set with ENABLE_DESTINATION_RULE
    std::vector<service> services;         ///< in the order asked
    std::chrono::seconds timeout{0};
    std::string user;
    std::optional<nat_route> nat{}; ///< for the first service; none: access to this host itself
    std::string nat_host{};         ///< not empty: `nat->inside.address` is to be looked up
};

/// A program to run once. Owns all it needs: the stanza may be gone before it ends.
struct command_decision {
    ip_address source;              ///< the address that the message names
    std::string command;            ///< as asked
    std::vector<std::string> words; ///< program and arguments, with sudo in front where it is used
    std::optional<account> run_as;  ///< none: not looked up
    bool other_user = false;        ///< CMD_EXEC_USER or CMD_EXEC_GROUP names somebody, not root
    std::chrono::seconds time_limit{0};
    std::string user;
};

/// The commands of one port.
struct cycle_run {
    std::vector<std::string> open;
    std::vector<std::string> close; ///< empty: none
};

/// Commands to run in place of a firewall, now and later. Owns all it needs.
struct cycle_decision {
    ip_address source;           ///< the address to open for
    std::vector<cycle_run> runs; ///< one for each port, in the order asked
    std::chrono::seconds close_after{0};
    std::optional<account> run_as;
    std::chrono::seconds time_limit{0}; ///< of each command
    std::string user;
};

struct refused {
    refusal reason = refusal::stale;
    bool final = false;       ///< ends the packet; else the next matching stanza has its turn
    std::int64_t seconds = 0; ///< `stale`: the difference, never negative
    std::string detail{};     ///< `user_mismatch`: the packet's user; `wrong_signer`: the
                              ///< signer; else why, if there is more
    std::string required{};   ///< `user_mismatch`: the stanza's user; `wrong_signer`: the directive
};

using decision = std::variant<access_decision, command_decision, cycle_decision, refused>;

/// Judges a packet that authenticated against `entry`. `check_age` is the caller's because a
/// capture file is old by nature. Addresses mapped into IPv6 count as IPv4. The packet's
/// destination port is for the commands of cycles only. `forwarded_for` is the sender behind a
/// proxy: the address to open for where the packet asks for its own source.
[[nodiscard]] decision decide(const message& request, const stanza& entry,
                              const server_config& server, const ip_address& packet_source,
                              const ip_address& packet_destination,
                              std::uint16_t packet_destination_port, unix_time now, bool check_age,
                              const std::optional<ip_address>& forwarded_for = std::nullopt);

/// The line for the log, in words that filters know. It names the packet's source.
[[nodiscard]] std::string refusal_text(const refused& why, std::size_t stanza_number,
                                       const ip_address& packet_source);

/// A short word for counters and structured logs, e.g. "port_denied".
[[nodiscard]] std::string_view name_of(refusal reason) noexcept;

} // namespace fwknop
