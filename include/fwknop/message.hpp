// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/error.hpp>
#include <fwknop/ip_address.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fwknop {

/// What a packet asks for. The values are those on the wire.
enum class message_type : std::uint8_t {
    command = 0,
    access = 1,
    nat_access = 2,
    access_timeout = 3,     ///< access, with the client's timeout
    nat_access_timeout = 4, ///< NAT access, with the client's timeout
    local_nat_access = 5,
    local_nat_access_timeout = 6, ///< local NAT access, with the client's timeout
};

/// Types 2, 4, 5, 6: a NAT target follows the message.
[[nodiscard]] constexpr bool has_nat_access(message_type type) noexcept {
    return type == message_type::nat_access || type == message_type::nat_access_timeout ||
           type == message_type::local_nat_access || type == message_type::local_nat_access_timeout;
}

/// Types 3, 4, 6: a client timeout is the last field before the digest.
[[nodiscard]] constexpr bool has_client_timeout(message_type type) noexcept {
    return type == message_type::access_timeout || type == message_type::nat_access_timeout ||
           type == message_type::local_nat_access_timeout;
}

/// Types 5, 6.
[[nodiscard]] constexpr bool is_local_nat(message_type type) noexcept {
    return type == message_type::local_nat_access || type == message_type::local_nat_access_timeout;
}

/// The type to use for a request of kind `type` with a timeout of `seconds`: a timeout above zero
/// turns 1, 2, 5 into 3, 4, 6, and none turns 3, 4, 6 into 1, 2, 5.
[[nodiscard]] message_type with_timeout(message_type type, std::uint32_t seconds) noexcept;

/// "Command msg", "Access msg", … as the programs print them.
[[nodiscard]] std::string_view name_of(message_type type) noexcept;

enum class protocol : std::uint8_t {
    tcp = 6,
    udp = 17,
};

/// "tcp" or "udp".
[[nodiscard]] std::string_view name_of(protocol value) noexcept;

/// One door: a protocol and a port.
struct service {
    fwknop::protocol protocol = fwknop::protocol::tcp;
    std::uint16_t port = 0; ///< 1..65535

    friend auto operator<=>(const service&, const service&) noexcept = default;
};

/// "tcp/22".
[[nodiscard]] std::string to_string(const service& value);

/// `<allow-ip>,<proto>/<port>[,<proto>/<port>…]`
struct access_request {
    ip_address allow;              ///< unspecified: the packet's source
    std::vector<service> services; ///< at least one, in the order asked
};

/// `<allow-ip>,<command line>`
struct command_request {
    ip_address allow;
    std::string command;
};

/// `<host-or-ip>,<port>`
struct nat_target {
    std::string host; ///< an address or a name of at most 70 characters
    std::uint16_t port = 0;
};

/// `<proto>/<port>[,…]`, the part of an access message after the address. Errors:
/// `access_list_malformed`, `protocol_unsupported`, `port_out_of_range`.
[[nodiscard]] result<std::vector<service>> parse_services(std::string_view text);

/// Errors: those of `parse_services`, `allow_address_malformed`, `message_too_long`.
[[nodiscard]] result<access_request> parse_access_message(std::string_view text);

/// Errors: `allow_address_malformed`, `command_empty`, `message_too_long`.
[[nodiscard]] result<command_request> parse_command_message(std::string_view text);

/// Errors: `nat_access_malformed`, `nat_access_too_long`, `port_out_of_range`.
[[nodiscard]] result<nat_target> parse_nat_access(std::string_view text);

/// The decoded fields of one packet (wire format, section 1), before the digest.
struct message {
    std::string random_value; ///< exactly 16 decimal digits
    std::string user;         ///< decoded, 1..48 bytes
    std::int64_t time = 0;    ///< Unix seconds, at most 12 digits
    std::string version;      ///< e.g. "3.0.0", at most 8 characters
    message_type type = message_type::access;
    std::string text;                       ///< decoded message, at most 192 bytes
    std::optional<std::string> nat_access;  ///< decoded, types 2, 4, 5, 6
    std::optional<std::string> server_auth; ///< decoded, historic
    std::uint32_t client_timeout = 0;       ///< seconds, 0..65536; types 3, 4, 6

    friend bool operator==(const message&, const message&) = default;
};

/// The version string that our packets carry.
inline constexpr std::string_view protocol_version = "3.0.0";

/// Limits of section 1. Characters are those of the base64 form on the wire.
inline constexpr std::size_t random_value_size = 16;
inline constexpr std::size_t max_user_base64 = 64;
inline constexpr std::size_t max_time_stamp_size = 12;
inline constexpr std::size_t max_version_size = 8;
inline constexpr std::size_t max_message_base64 = 256;
inline constexpr std::size_t max_message_size = 192; ///< 256 base64 characters, decoded
inline constexpr std::size_t max_nat_access_size = 127;
inline constexpr std::size_t max_nat_host_size = 70;
inline constexpr std::uint32_t max_client_timeout = 65536;

/// Whether `user` may be sealed: 1..48 bytes of printable ASCII, none of `" / \ [ ] : ; | = , + *
/// ? < >`. Errors: `user_name_malformed`, `user_name_too_long`.
[[nodiscard]] result<void> check_user_name(std::string_view user);

} // namespace fwknop
