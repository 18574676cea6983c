// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fwknop/algorithm.hpp>
#include <fwknop/error.hpp>
#include <fwknop/message.hpp>
#include <fwknop/secret.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_mac_ctx_st; // the crypto library's

namespace fwknop {

/// Payload limits (wire format, section 7): anything else is not a packet.
inline constexpr std::size_t min_payload_size = 140;
inline constexpr std::size_t max_payload_size = 1499;

/// Receivers of the 2.6 line take a payload of this many characters for GPG: they never accept a
/// symmetric packet that reaches it.
inline constexpr std::size_t min_gpg_payload_size = 400;

/// Key limits (sections 4 and 6).
inline constexpr std::size_t max_encryption_key_size = 32;
inline constexpr std::size_t max_hmac_key_size = 128;
/// What receivers of the 2.6 line accept for an HMAC key.
inline constexpr std::size_t max_received_hmac_key_size = 136;

/// An HMAC key with its key schedule computed once, so that verifying a packet costs only the
/// packet. Move-only. Not for use by two threads at once.
class hmac_key {
  public:
    /// Errors: `key_empty`, `key_too_long` (over `max_received_hmac_key_size`),
    /// `crypto_library_failed`.
    [[nodiscard]] static result<hmac_key> make(digest_type type, const secret_bytes& key);

    [[nodiscard]] digest_type type() const noexcept { return type_; }

    /// The HMAC of `prefix` followed by `text`, in base64 without padding.
    [[nodiscard]] result<std::string> sign(std::string_view prefix, std::string_view text) const;

    /// Whether `tag` (base64 without padding) is the HMAC of `prefix` followed by `text`. The
    /// comparison is constant time; nothing is allocated. Error: `hmac_mismatch`.
    [[nodiscard]] result<void> verify(std::string_view prefix, std::string_view text,
                                      std::string_view tag) const;

  private:
    struct context_deleter {
        void operator()(evp_mac_ctx_st* context) const noexcept;
    };
    using context_ptr = std::unique_ptr<evp_mac_ctx_st, context_deleter>;
    hmac_key(digest_type type, secret_bytes schedule, context_ptr context) noexcept;

    digest_type type_;
    secret_bytes schedule_; ///< the hash after the key's blocks; empty for SHA-3
    context_ptr context_;   ///< for SHA-3 only
};

/// A symmetric encryption key: 1..32 bytes of pass phrase and how it is used.
struct encryption_key {
    secret_bytes pass_phrase;
    encryption_mode mode = encryption_mode::cbc;
};

/// Whether `key` can encrypt. Errors: `key_empty`, `key_too_long`, `encryption_mode_unsupported`.
[[nodiscard]] result<void> check_encryption_key(const encryption_key& key);

// ---------------------------------------------------------------------------------- receiving

/// A payload that has the outer form of a packet: length, no forbidden prefix, base64 characters.
/// A view; the payload's owner keeps it alive.
class candidate {
  public:
    [[nodiscard]] std::string_view payload() const noexcept { return payload_; }

    /// The first character is one that only a symmetric packet can have, whatever its key.
    [[nodiscard]] bool may_be_symmetric() const noexcept;

  private:
    friend result<candidate> examine_payload(std::string_view payload);
    explicit candidate(std::string_view payload) noexcept : payload_{payload} {}
    std::string_view payload_;
};

/// The cheap checks that need no key: no allocation, no crypto. This is where formats are told
/// apart. Errors: the `payload_…` values.
[[nodiscard]] result<candidate> examine_payload(std::string_view payload);

/// A packet that authenticated, with what the programs print about it.
struct opened_packet {
    fwknop::message message;
    digest_type digest = digest_type::sha256; ///< of the inner digest
    std::string encoded;                      ///< the fields as they were joined, without digest
    std::string digest_text;                  ///< base64
    std::string hmac_text;                    ///< base64, empty when the key has no HMAC
    std::string ciphertext;                   ///< base64 as received, without the HMAC
};

/// Authenticates, decrypts and decodes. With `hmac` the HMAC is verified before anything else is
/// done with the bytes; without, the inner digest is the only proof. Errors: `hmac_…`,
/// `ciphertext_…`, `encryption_…`, `decryption_failed`, and everything about fields and messages.
[[nodiscard]] result<opened_packet> open_packet(const candidate& packet, const encryption_key& key,
                                                const hmac_key* hmac);

// ------------------------------------------------------------------------------------ sending

/// What must never repeat. Made by `generate`; tests give their own.
struct seal_nonce {
    std::string random_value;           ///< 16 decimal digits
    std::array<std::uint8_t, 8> salt{}; ///< of the key derivation

    /// Uniform digits and salt from the operating system's cryptographic source.
    [[nodiscard]] static seal_nonce generate();
};

struct sealed_packet {
    opened_packet contents;
    std::string payload; ///< what goes on the wire
};

/// Checks, encodes, encrypts and signs `fields` (whose `random_value` is taken from `nonce`).
/// Errors: those of fields, messages and keys. A payload too long to be accepted anywhere gives
/// `payload_too_long`.
[[nodiscard]] result<sealed_packet> seal_packet(message fields, digest_type digest,
                                                const encryption_key& key, const hmac_key* hmac,
                                                const seal_nonce& nonce);

// -------------------------------------------------------------------------------- identity

/// SHA-256 over the payload exactly as it arrived: the name under which a packet is remembered.
using packet_id = std::array<std::uint8_t, 32>;

/// Error: `crypto_library_failed`.
[[nodiscard]] result<packet_id> identify_payload(std::string_view payload);

} // namespace fwknop
