// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/algorithm.hpp>
#include <fwknop/ip_address.hpp>
#include <fwknop/secret.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace fwknop::client {

/// How the packet travels.
enum class carrier {
    udp,     ///< one datagram, the default
    tcp,     ///< the only data of a connection
    http,    ///< the path of a GET request, direct or through a proxy
    udp_raw, ///< one datagram with headers of our own
    tcp_raw, ///< the data of a SYN
    icmp,    ///< the body of an ICMP message
};

/// As after -P: "udp", "tcp", "http", "udpraw", "tcpraw", "icmp".
[[nodiscard]] constexpr const char* name_of(carrier value) noexcept {
    switch (value) {
    case carrier::udp:
        return "udp";
    case carrier::tcp:
        return "tcp";
    case carrier::http:
        return "http";
    case carrier::udp_raw:
        return "udpraw";
    case carrier::tcp_raw:
        return "tcpraw";
    case carrier::icmp:
        break;
    }
    return "icmp";
}

/// The carriers whose headers are ours to write.
[[nodiscard]] constexpr bool is_raw(carrier value) noexcept {
    return value == carrier::udp_raw || value == carrier::tcp_raw || value == carrier::icmp;
}

/// Which address families a destination may have.
enum class family_choice {
    any,
    v4_only, ///< -4, --server-resolve-ipv4
    v6_only, ///< -6
};

/// Where the address to open the firewall for comes from.
enum class allow_from {
    nothing,         ///< not said yet
    source,          ///< -s: the packet's own source, whatever that will be
    address_or_name, ///< -a: `settings::allow`
};

/// Where a value came from. A later layer overrides an earlier one.
enum class layer {
    built_in,
    default_stanza,
    named_stanza,
    command_line,
};

/// A key given outright. Within one layer a plain key wins over a base64 one, as users of the 2.6
/// line are used to, whichever comes first.
struct given_key {
    secret_bytes key; ///< decoded
    bool given = false;
    bool plain = false;
    layer from = layer::built_in;
};

/// The effective values, filled layer by layer: each layer's setters overwrite what earlier layers
/// left, so precedence is nothing but the order in which the layers are applied.
struct settings {
    layer current = layer::built_in; ///< the layer whose values are being applied

    // What to ask for.
    std::string access;  ///< -A, e.g. "tcp/22,udp/53"
    std::string command; ///< -C; wins over `access`
    allow_from allow_source = allow_from::nothing;
    std::string allow;              ///< -a, an address or a name
    bool resolve = false;           ///< -R: ask a web server what our address is
    std::string resolve_url;        ///< empty: the built-in one
    bool resolve_http_only = false; ///< the URL is asked without TLS
    std::uint32_t timeout = 0;      ///< -f, seconds, 0 means none
    std::int64_t time_offset = 0;   ///< seconds, added to the clock
    std::string user;               ///< -U, empty means not given
    std::string nat_access;         ///< -N, empty means not given
    bool nat_local = false;
    std::uint16_t nat_port = 0; ///< 0 means not given
    bool nat_random_port = false;

    // How to seal it.
    digest_type digest = digest_type::sha256;
    encryption_mode mode = encryption_mode::cbc;
    bool use_hmac = false;
    std::optional<digest_type> hmac_digest;
    given_key key;
    given_key hmac_key;
    std::string key_command; ///< KEY_COMMAND, empty means not given
    std::string key_file;
    std::string hmac_key_file;
    std::optional<int> key_descriptor;
    bool use_gpg = false;         ///< implied by every other GPG option
    std::string gpg_recipient;    ///< the server's key
    std::string gpg_signer;       ///< empty: not signed
    std::string gpg_home_dir;     ///< empty: GPG's own
    std::string gpg_exe;          ///< empty: the one GPGME knows
    bool gpg_agent = false;       ///< the pass phrase is gpg-agent's business
    bool gpg_no_password = false; ///< the signing key has none
    given_key gpg_password;       ///< of the signing key

    // How to send it.
    std::string destination;
    std::uint16_t port = 62201;
    bool random_port = false;
    std::uint16_t source_port = 0; ///< 0 lets the operating system choose
    carrier protocol = carrier::udp;
    family_choice family = family_choice::any;
    std::optional<ip_address> spoof_source; ///< -Q, raw carriers only
    std::uint8_t icmp_type = 0;             ///< echo reply
    std::uint8_t icmp_code = 0;
    std::string http_proxy; ///< HOST[:PORT], empty: none
    std::string user_agent; ///< of HTTP requests, empty: our own
    bool wget_user_agent = false;
    std::string wget_command;          ///< accepted for old scripts; no program is run
    std::optional<std::uint32_t> wait; ///< --wait, seconds until the port must be open

    // What else to do.
    unsigned verbose = 0;
    bool test = false;
    std::string save_packet;
    bool save_packet_append = false;
    bool key_gen = false;
    std::string key_gen_file;
    std::optional<std::uint32_t> key_size;      ///< bytes
    std::optional<std::uint32_t> hmac_key_size; ///< bytes
    std::string stanza;                         ///< -n
    bool stanza_list = false;
    bool save_stanza = false;
    bool force_stanza = false;
    std::string rc_file;
    bool no_rc_file = false;
    bool no_home_dir = false;
    std::string args_file; ///< -E
    bool no_save_args = false;
    bool last_command = false;
    bool show_last = false;
    bool help = false;
    bool version = false;

    /// Whether the packet gets an HMAC: asked for, or implied by anything given about one.
    [[nodiscard]] bool hmac_wanted() const noexcept {
        return use_hmac || hmac_key.given || hmac_digest || hmac_key_size || !hmac_key_file.empty();
    }

    /// GPG wins over any mode.
    [[nodiscard]] encryption_mode effective_mode() const noexcept {
        return use_gpg ? encryption_mode::asymmetric : mode;
    }

    [[nodiscard]] digest_type effective_hmac_digest() const noexcept {
        return hmac_digest.value_or(digest_type::sha256);
    }
};

} // namespace fwknop::client
