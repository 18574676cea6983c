// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <cstddef>
#include <type_traits>

namespace fwknop {

/// Everything that can be wrong with a frame, a packet, a key or a message. One value, one
/// meaning; `message_of` has a readable sentence for each. The daemon counts refused packets by
/// these values, so their order is also the order of its counters. Zero is success and no error.
enum class errc : int {
    // Frames (core/frame): what came off the link is not a datagram that could carry a packet.
    frame_truncated = 1,       ///< fewer bytes captured than the headers promise
    frame_link_type_unknown,   ///< a link layer that we do not speak
    frame_not_ip,              ///< ARP, LLDP, …
    frame_ip_header_malformed, ///< version, header length or total length cannot be
    frame_fragment,            ///< a fragment: never reassembled, always dropped
    frame_transport_unknown,   ///< neither UDP, TCP, ICMP nor ICMPv6
    frame_transport_malformed, ///< transport header length or UDP length cannot be
    frame_empty,               ///< no payload

    // Payloads (wire format, section 7): refused before any key is touched.
    payload_too_short,       ///< under 140 bytes
    payload_too_long,        ///< over 1499 bytes
    payload_not_base64,      ///< a byte outside the base64 alphabet
    payload_rijndael_prefix, ///< begins with the U2FsdGVkX1 that senders cut off
    payload_gpg_prefix,      ///< long, and begins with the hQ that senders cut off
    http_request_malformed,  ///< begins like a request, but is none that carries a packet
    http_user_agent_foreign, ///< the user agent does not begin with Fwknop

    // Authentication and decryption (sections 4 and 6).
    hmac_missing,                ///< too short to hold the HMAC that the key asks for
    hmac_mismatch,               ///< the HMAC is not the one that our key gives
    ciphertext_length,           ///< not a salt and a whole number of cipher blocks
    gpg_message_malformed,       ///< not an OpenPGP message to a public key
    encryption_mode_unsupported, ///< PCBC, or a mode this build cannot do
    decryption_failed,           ///< the plain text does not begin as every packet begins
    gpg_failed,                  ///< GnuPG could not work, or not in time: no fault of the packet
    gpg_overloaded,              ///< as many packets wait for GnuPG as may: this one is dropped

    // Plain text and its fields (sections 1 and 3).
    plaintext_not_printable,  ///< a byte outside printable ASCII
    too_few_fields,           ///< fewer than 6 separators
    too_many_fields,          ///< more than 9 separators, or more than the message type allows
    digest_unknown,           ///< the last field has no digest's length
    digest_mismatch,          ///< the digest is not that of the fields
    random_value_malformed,   ///< not exactly 16 decimal digits
    user_name_malformed,      ///< empty, not base64, or a forbidden character
    user_name_too_long,       ///< over 64 characters of base64
    time_stamp_malformed,     ///< not a decimal number
    time_stamp_too_long,      ///< over 12 characters
    version_malformed,        ///< empty or over 8 characters
    message_type_malformed,   ///< not one or two decimal digits
    message_type_unknown,     ///< not 0 to 6
    message_malformed,        ///< empty or not base64
    message_too_long,         ///< over 256 characters of base64
    nat_access_malformed,     ///< missing, not base64, or not <host>,<port>
    nat_access_too_long,      ///< over 256 characters of base64, or over 127 decoded
    server_auth_malformed,    ///< not base64
    server_auth_too_long,     ///< over 256 characters of base64
    client_timeout_malformed, ///< missing or not decimal digits
    client_timeout_too_large, ///< over 65536 seconds

    // Messages (section 1): the decoded message does not have its type's form.
    allow_address_malformed, ///< not an IPv4 or IPv6 address
    access_list_malformed,   ///< not <proto>/<port>[,<proto>/<port>…]
    protocol_unsupported,    ///< neither tcp nor udp
    port_out_of_range,       ///< not 1 to 65535
    command_empty,           ///< a command message without a command

    // Keys and algorithms, from configuration or a caller.
    key_empty,               ///< no key at all
    key_too_long,            ///< over 32 bytes to encrypt with, over 128 for an HMAC
    base64_malformed,        ///< not base64
    digest_type_unknown,     ///< no such digest or HMAC
    encryption_mode_unknown, ///< no such encryption mode
    ip_address_malformed,    ///< neither dotted quad nor IPv6 literal
    crypto_library_failed,   ///< the crypto library refused: our bug, or a build without the
                             ///< algorithm

    end_ ///< one past the last: the size of a table indexed by this enumeration
};

inline constexpr std::size_t errc_count = static_cast<std::size_t>(errc::end_);

/// A sentence for people, without a final stop. Static storage.
[[nodiscard]] const char* message_of(errc error) noexcept;

/// The category under which `errc` values travel in `boost::system::error_code`.
[[nodiscard]] const boost::system::error_category& category() noexcept;

[[nodiscard]] inline boost::system::error_code make_error_code(errc error) noexcept {
    return {static_cast<int>(error), category()};
}

/// A value, or the reason why there is none. Never throws on bad input.
template <class T>
using result = boost::system::result<T>;

/// The `errc` inside a failed result; `errc::end_` if another category's error is inside.
[[nodiscard]] inline errc errc_of(const boost::system::error_code& error) noexcept {
    return error.category() == category() ? static_cast<errc>(error.value()) : errc::end_;
}

} // namespace fwknop

template <>
struct boost::system::is_error_code_enum<fwknop::errc> : std::true_type {};
