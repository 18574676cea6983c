// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/moment.hpp"
#include "core/policy/nat_route.hpp"
#include "core/policy/network_set.hpp"
#include "core/policy/port_set.hpp"

#include <fwknop/ip_address.hpp>
#include <fwknop/packet.hpp>
#include <fwknop/secret.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

/// What 0 stands for in FW_ACCESS_TIMEOUT and MAX_FW_TIMEOUT.
inline constexpr std::chrono::seconds default_access_timeout{30};
inline constexpr std::chrono::seconds default_max_timeout{300};

/// A user or a group by name, and where it stands. It is not looked up here.
struct account_name {
    std::string text; ///< empty: not set
    std::string file;
    std::size_t line = 0;
};

/// Whom a program runs as. Looked up once, when the configuration is read: a directory service that
/// is slow or down must not hold up packets.
struct account {
    std::uint32_t user = 0;
    std::uint32_t group = 0;
    std::vector<std::uint32_t> groups; ///< all of them, the one above too
    std::string user_name, group_name;

    friend bool operator==(const account&, const account&) = default;
};

/// `ENABLE_CMD_EXEC` and its kin.
struct command_settings {
    bool enabled = false;
    bool by_sudo = false; ///< without effect unless `enabled`
    account_name user, group, sudo_user, sudo_group;
    std::optional<account> run_as; ///< none: not looked up yet
};

/// `CMD_CYCLE_*`: commands run in place of a firewall.
struct cycle_settings {
    std::string open;
    std::string close; ///< empty: `NONE`, or no cycle at all
    std::vector<std::string> open_words, close_words;
    std::chrono::seconds timer{0}; ///< 0: not set, which only `NONE` allows
    std::optional<account> run_as; ///< the daemon's own; none: not looked up yet

    [[nodiscard]] bool enabled() const noexcept { return !open.empty(); }
};

/// `GPG_*`. Identities are upper-case hex digits without `0x`.
struct gpg_settings {
    std::string home_dir, program; ///< the server's where the stanza names none
    std::string decrypt_id;
    std::optional<secret_bytes> decrypt_password;
    bool no_password = false;
    bool check_signature = true;
    bool ignore_verify_error = false;
    std::vector<std::string> remote_ids;      ///< 8, 16 or 40 digits
    std::vector<std::string> fingerprint_ids; ///< 40 digits

    [[nodiscard]] bool usable() const noexcept {
        return !decrypt_id.empty() && (decrypt_password || no_password);
    }
};

/// `FORCE_*`, `DISABLE_DNAT`, `FORWARD_ALL`.
struct nat_settings {
    std::optional<nat_endpoint> force_nat; ///< 0.0.0.0 port 0: implied by an SNAT directive
    std::optional<ip_address> force_snat;
    bool force_masquerade = false;
    bool disable_dnat = false;
    bool forward_all = false;
};

/// The widest that `SOURCE_WIDEN` may be.
inline constexpr std::uint8_t widest_v4_prefix = 16;
inline constexpr std::uint8_t widest_v6_prefix = 48;

/// `SOURCE_WIDEN`: how much around the allowed address is opened. 32 and 128: nothing.
struct widen_settings {
    std::uint8_t v4_prefix = 32;  ///< 16..32
    std::uint8_t v6_prefix = 128; ///< 48..128
};

/// One stanza of access.conf: who may ask, with which keys, for what. Move-only, as keys are.
struct stanza {
    // What each packet is held against comes first and together: with thousands of stanzas the
    // memory that is touched is what takes the time.
    network_set source;
    std::optional<network_set> destination;   ///< none: every destination
    std::optional<unix_time> expiry;          ///< from then on nothing is accepted
    std::optional<encryption_key> encryption; ///< none: GPG only
    std::optional<hmac_key> hmac;

    std::size_t number = 0; ///< 1-based, in file order: the `#n` of the log
    std::string name;       ///< `NAME`, or empty
    std::string file;       ///< where it begins
    std::size_t line = 0;
    std::string source_text; ///< `SOURCE` as written
    std::string destination_text;

    std::optional<port_set> open_ports; ///< none: every port
    port_set restrict_ports;
    std::chrono::seconds access_timeout = default_access_timeout; ///< never 0
    std::chrono::seconds max_timeout = default_max_timeout; ///< never 0; caps the client's wish
    std::optional<std::string> require_username;
    bool require_source_address = false;

    command_settings command;
    cycle_settings cycle;
    gpg_settings gpg;
    nat_settings nat;
    widen_settings widen;

    /// Whether a packet from `from` to `to` is this stanza's business.
    [[nodiscard]] bool matches(const ip_address& from, const ip_address& to) const noexcept {
        return source.contains(from) && (!destination || destination->contains(to));
    }

    [[nodiscard]] bool has_expired(unix_time now) const noexcept {
        return expiry && *expiry <= now;
    }
};

} // namespace fwknop
